#include <hubcache/run.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>
#include <thread>

using embedded::fault;
using embedded::listener;
using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;

namespace {

/// A Hub with acme/one of 1 MB, and a machine.
struct scene {
  scene() { hub.put(embedded::one_file(1'000'000)); }
  embedded::hub hub;
  machine here{hub};
  [[nodiscard]] bool complete(const hubcache::snapshot& got) {
    return test::holds(got, embedded::one_file(1'000'000).files());
  }
};

}  // namespace

TEST_CASE("a connection that drops is resumed where it broke") {
  scene s;
  const auto drop = s.hub.inject(fault(embedded::drop_after_body(300'000)).on(listener::cdn).repeated(3));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(drop.fired() == 3);
  CHECK(got.totals.bytes_wire == 1'000'000);
  CHECK(s.here.news.all<hubcache::events::retried>().size() == 3);
}

TEST_CASE("a connection reset is resumed, too") {
  scene s;
  s.hub.inject(fault(embedded::drop_after_body(500'000, true)).on(listener::cdn));
  CHECK(s.complete(s.here.snapshot("acme/one")));
}

TEST_CASE("a flipped byte is detected, fetched again, and never published") {
  scene s;
  const auto flip = s.hub.inject(fault(embedded::flip_byte(700'000)).on(listener::cdn));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(flip.fired() == 1);
  CHECK(got.totals.bytes_wire == 2'000'000);
}

TEST_CASE("content that always arrives altered ends in an integrity error after bounded tries") {
  scene s;
  const auto flip =
      s.hub.inject(fault(embedded::flip_byte(700'000)).on(listener::cdn).repeated(fault::always));
  const auto failure = s.here.failure("acme/one");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::digest_mismatch);
  CHECK(failure->context().file == "model.safetensors");
  CHECK(flip.fired() == 3);
  CHECK(std::filesystem::is_empty(s.here.repo_dir("acme/one") / "snapshots"));
  CHECK(!std::filesystem::exists(
      s.here.blob("acme/one", embedded::one_file(1'000'000).files().at("model.safetensors").etag())));
}

TEST_CASE("one altered file does not keep the others from being fetched") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const auto weights = embedded::tiny().files().at("model.safetensors");
  hub.inject(fault(embedded::flip_byte(5)).on(weights.content.xet_hash()).repeated(fault::always));
  const auto failure = here.failure("acme/tiny");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::digest_mismatch);
  CHECK(std::filesystem::exists(here.blob("acme/tiny", embedded::tiny().files().at("README.md").etag())));
  hub.clear_faults();
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
}

TEST_CASE("a server that ignores the range is read from the start, without a mix") {
  scene s;
  s.hub.inject(fault(embedded::drop_after_body(400'000)).on(listener::cdn));
  const auto ignored = s.hub.inject(fault(embedded::ignore_range()).on(listener::cdn));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(ignored.fired() == 1);
}

TEST_CASE("an answer with another range, length or coding is refused and asked for again") {
  const std::vector<embedded::fault_action> actions{embedded::wrong_content_range("bytes 0-599999/1000000"),
                                                    embedded::wrong_content_range("bytes 400000-999999/9"),
                                                    embedded::wrong_content_range("nonsense")};
  for (const auto& action : actions) {
    scene s;
    s.hub.inject(fault(embedded::drop_after_body(400'000)).on(listener::cdn));
    const auto bad = s.hub.inject(fault(action).on(listener::cdn));
    CHECK(s.complete(s.here.snapshot("acme/one")));
    CHECK(bad.fired() == 1);
  }
  for (const auto& action : {embedded::wrong_content_length(-10), embedded::wrong_content_length(10),
                             embedded::gzip_anyway(), embedded::other_bytes()}) {
    scene s;
    const auto bad = s.hub.inject(fault(action).on(listener::cdn));
    CHECK(s.complete(s.here.snapshot("acme/one")));
    CHECK(bad.fired() == 1);
  }
}

TEST_CASE("bodies of every framing are read") {
  for (const auto& action : {embedded::chunked(), embedded::drop_header("Content-Length"),
                             embedded::interim({100, 103}), embedded::extra_bytes(20)}) {
    scene s;
    const auto shaped = s.hub.inject(fault(action).on(listener::cdn));
    CHECK(s.complete(s.here.snapshot("acme/one")));
    CHECK(shaped.fired() == 1);
  }
}

TEST_CASE("a malformed answer is tried again, then reported as such") {
  for (const auto& action :
       {embedded::garbage_status_line(), embedded::header_bomb(500), embedded::bad_chunk()}) {
    scene s;
    s.hub.inject(fault(action).on(listener::cdn));
    CHECK(s.complete(s.here.snapshot("acme/one")));
  }
  for (const auto& action : {embedded::garbage_status_line(), embedded::header_bomb(500)}) {
    scene t;
    t.hub.inject(fault(action).on(listener::cdn).repeated(fault::always));
    const auto failure = t.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::bad_response);
    CHECK(!failure->context().url.empty());
  }
}

TEST_CASE("server errors pass with a retry, and are named when they stay") {
  for (const int code : {500, 502, 503, 504}) {
    scene s;
    s.hub.inject(fault(embedded::status(code)).on(listener::cdn).repeated(2));
    s.hub.inject(fault(embedded::status(code)).on("/api/models").repeated(2));
    CHECK(s.complete(s.here.snapshot("acme/one")));
  }
  scene s;
  s.hub.inject(fault(embedded::status(500)).repeated(fault::always));
  const auto failure = s.here.failure("acme/one");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::server_failed);
  CHECK(failure->context().http_status == 500);
}

TEST_CASE("a rate limit is waited for as long as the server says") {
  scene s;
  s.hub.inject(fault(embedded::both(embedded::status(429), embedded::set_header("Retry-After", "1")))
                   .on("/api/models"));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(s.complete(s.here.snapshot("acme/one")));
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::seconds(1));
}

TEST_CASE("an answer that says nothing is left of the window delays the next request") {
  scene s;
  s.hub.inject(fault(embedded::set_header("RateLimit", "\"api\";r=0;t=1")).on("/revision/"));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(s.complete(s.here.snapshot("acme/one")));
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::seconds(1));
}

TEST_CASE("an expired signature is signed anew by the Hub") {
  scene s;
  s.hub.inject(fault(embedded::drop_after_body(400'000)).on(listener::cdn));
  s.hub.inject(fault(embedded::expired_signature()).on(listener::cdn));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == 1'000'000);
}

TEST_CASE("a stalled transfer times out and goes on") {
  scene s;
  s.here.config.download_timeout = std::chrono::milliseconds(150);
  s.hub.inject(fault(embedded::stall_in_body(200'000, std::chrono::seconds(5))).on(listener::cdn));
  CHECK(s.complete(s.here.snapshot("acme/one")));
}

TEST_CASE("redirects that loop, leave http or come from nowhere are refused") {
  for (const auto* location : {"ftp://127.0.0.1/x", "file:///etc/passwd", "http://[bad/"}) {
    scene s;
    s.hub.inject(fault(embedded::redirect_to(location)).on("/resolve/").repeated(fault::always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::refused);
  }
  scene s;
  s.hub.inject(fault(embedded::redirect_to("?again=1")).on("/resolve/").repeated(fault::always));
  CHECK(s.here.failure("acme/one")->reason() == errc::refused);
}

TEST_CASE("malformed metadata is its own error") {
  for (const auto* text : {"", "{", "[]", "{\"id\": 5}", "{\"id\": \"acme/one\", \"sha\": \"../../x\"}"}) {
    scene s;
    s.hub.inject(fault(embedded::body(text)).on("/api/models").repeated(fault::always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::bad_response);
  }
}

TEST_CASE("paths that escape are refused before anything is written") {
  for (const auto* path : {"../x", "/etc/x", "a/../../x", "a\\\\..\\\\x", "C:/x", "a//b", "."}) {
    scene s;
    s.hub.inject(
        fault(
            embedded::body(
                std::string(
                    R"([{"type":"file","oid":"10c66461e4c109db5a2196bff4bb59be30396ed8","size":1,"path":")") +
                path + "\"}]"))
            .on("/tree/"));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::refused);
    CHECK(!std::filesystem::exists(s.here.config.cache_dir));
  }
}

TEST_CASE("a listing that never ends is recognised") {
  scene s;
  s.hub.inject(
      fault(embedded::set_header(
                "Link", "<" + s.hub.endpoint() + "/api/models/acme/one/tree/main?cursor=x>; rel=\"next\""))
          .on("/tree/")
          .repeated(fault::always));
  CHECK(s.here.failure("acme/one")->reason() == errc::bad_response);
}

TEST_CASE("with the Hub out of reach a complete snapshot in the cache serves, with a warning") {
  scene s;
  const auto first = s.here.snapshot("acme/one");
  for (const int code : {429, 500, 503}) {
    s.hub.inject(fault(embedded::status(code)).repeated(6));
    const auto got = s.here.snapshot("acme/one");
    CHECK(got.path == first.path);
    CHECK(s.here.warnings().size() == 1);
    s.hub.clear_faults();
  }
  s.hub.stop();
  CHECK(s.here.snapshot("acme/one").path == first.path);
  CHECK(s.here.failure("acme/other")->reason() == errc::connection_failed);
}

TEST_CASE("401, 403 and 404 never fall back to the cache") {
  for (const int code : {401, 403, 404}) {
    scene s;
    s.here.snapshot("acme/one");
    s.hub.inject(fault(embedded::status(code)).repeated(fault::always));
    CHECK(s.here.failure("acme/one"));
  }
}

TEST_CASE("an interrupted run is resumed by the next one") {
  scene s;
  s.hub.put(embedded::one_file(2'000'000));  // larger than what is fetched whole into memory
  s.here.config.attempts = 1;
  s.hub.inject(fault(embedded::drop_after_body(600'000)).on(listener::cdn));
  CHECK(s.here.failure("acme/one")->reason() == errc::connection_lost);
  CHECK(test::names_ending(s.here.repo_dir("acme/one"), ".incomplete").size() == 1);
  const auto got = s.here.snapshot("acme/one");
  CHECK(test::holds(got, embedded::one_file(2'000'000).files()));
  CHECK(got.totals.bytes_wire == 1'400'000);
  CHECK(test::names_ending(s.here.repo_dir("acme/one"), ".incomplete").empty());
}

TEST_CASE("a damaged partial is not trusted: the content is fetched anew") {
  scene s;
  const auto etag = embedded::one_file(1'000'000).files().at("model.safetensors").etag();
  std::filesystem::create_directories(s.here.repo_dir("acme/one") / "blobs");
  std::ofstream(s.here.blob("acme/one", etag) + ".68756263.incomplete") << std::string(250'000, 'x');
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == 1'750'000);
}

TEST_CASE("missing repos, revisions and files each have their own error") {
  scene s;
  const auto anonymous = s.here.failure("no/such");
  CHECK(anonymous->reason() == errc::unauthorized);
  CHECK(!anonymous->context().request_id.empty());
  CHECK(anonymous->context().http_status == 401);
  s.here.config.token = hubcache::secret("hf_reader");
  CHECK(s.here.failure("no/such")->reason() == errc::repo_not_found);
  CHECK(s.here.failure("acme/one", snapshot_options().with_revision("nope"))->reason() ==
        errc::revision_not_found);
  CHECK(s.here.failure("acme/one", snapshot_options().with_files({"nope"}))->reason() ==
        errc::file_not_found);
  s.here.config.token = hubcache::secret("hf_wrong");
  CHECK(s.here.failure("acme/one")->reason() == errc::unauthorized);
}

TEST_CASE("malformed names are refused before any request") {
  scene s;
  for (const auto* revision : {"", "../main", "a//b", "/x", "a\nb"}) {
    CHECK(s.here.failure("acme/one", snapshot_options().with_revision(revision))->reason() ==
          errc::invalid_argument);
  }
  CHECK_THROWS_AS(hubcache::repo("a/b/c"), hubcache::error);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("unknown hosts and refused ports are named") {
  scene s;
  s.here.config.endpoint = *hubcache::url::parse("http://no-such-host.invalid");
  const auto unknown = s.here.failure("acme/one");
  CHECK(unknown->reason() == errc::host_not_found);
  s.here.config.endpoint = *hubcache::url::parse("http://127.0.0.1:1");
  const auto refused = s.here.failure("acme/one");
  CHECK(refused->reason() == errc::connection_failed);
  CHECK(std::string(refused->what()).find("127.0.0.1:1") != std::string::npos);
}

TEST_CASE("offline, what is missing is named without a request") {
  scene s;
  s.here.config.offline = true;
  CHECK(s.here.failure("acme/one")->reason() == errc::not_cached);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("no token, no signature stands in any error") {
  scene s;
  s.here.config.token = hubcache::secret("hf_reader");
  s.hub.inject(fault(embedded::status(500)).on(listener::cdn).repeated(fault::always));
  const auto failure = s.here.failure("acme/one");
  REQUIRE(failure);
  const std::string text = failure->what();
  CHECK(text.find("hf_reader") == std::string::npos);
  CHECK(text.find("Signature") == std::string::npos);
}
