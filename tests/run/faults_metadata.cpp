// What the Hub can do wrong while it says what a repo has: what passes costs a retry, what stays is named or served
// from the cache, and what is a lie ends before it is believed.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <support/faulty.hpp>
#include <utility>
#include <vector>

using embedded::fault;
using embedded::fault_action;
using embedded::listener;
using hubcache::errc;
using test::faulty_hub;

namespace {

constexpr auto always = fault::always;

struct trouble {
  std::string name;
  fault_action action;
  errc forever;         ///< How a run ends that meets it always.
  std::string because;  ///< What the error and the warning say, besides.
};

fault_action cut_json() {
  return both(embedded::drop_header("Content-Length"), embedded::drop_after_body(20));
}

std::vector<trouble> passing() {
  using namespace embedded;
  std::vector<trouble> all{
      {"closed", close_without_answer(), errc::connection_lost, ""},
      {"reset", close_without_answer(true), errc::connection_lost, ""},
      {"cut in the status line", drop_after_bytes(7), errc::connection_lost, ""},
      {"cut in the head", drop_after_bytes(70), errc::connection_lost, ""},
      {"cut in the body", drop_after_body(20), errc::connection_lost, ""},
      {"cut between chunks", both(chunked(16), drop_after_body(32)), errc::connection_lost, ""},
      {"ten bytes too many announced", wrong_content_length(10), errc::connection_lost, ""},
      {"429", status(429), errc::rate_limited, "Too Many Requests"},
  };
  for (const int code : {500, 502, 503, 504, 408}) {
    all.push_back({std::to_string(code), status(code), errc::server_failed, std::string(reason(code))});
  }
  return all;
}

std::vector<trouble> malformed() {
  using namespace embedded;
  return {
      {"cut, and without a length", cut_json(), errc::bad_response, ""},
      {"ten bytes too few announced", wrong_content_length(-10), errc::bad_response, ""},
      {"a length that overflows", announced_length("18446744073709551616"), errc::bad_response, ""},
      {"a bad chunk", bad_chunk("zz\r\n", 16), errc::bad_response, ""},
      {"no HTTP", garbage_status_line(), errc::bad_response, ""},
      {"a head of 500 KB", header_bomb(500), errc::bad_response, ""},
      {"a page of markup", body("<html>Log in</html>", "text/html"), errc::bad_response, ""},
      {"gzip", both(body(gzip_stored("[]")), set_header("Content-Encoding", "gzip")), errc::bad_response, ""},
  };
}

/// Where a fault may strike: what the revision is, what it holds.
const std::vector<std::string> requests{"/revision/", "/tree/"};

void check_passing(const trouble& by, const std::string& where) {
  CAPTURE(by.name);
  CAPTURE(where);
  faulty_hub s(embedded::one_file(1000));
  const auto hit = s.hub.inject(fault(by.action).on(where).repeated(2));
  CHECK(s.complete(s.here.snapshot("acme/one")));
  CHECK(hit.fired() == 2);
  // Twice the one that failed; the others once: revision, tree, resolve, CDN.
  CHECK(s.hub.log().count() == 6);
  CHECK(s.here.warnings().empty());
  CHECK(s.only_whole_blobs());
}

void check_staying(const trouble& by, const std::string& where) {
  CAPTURE(by.name);
  CAPTURE(where);
  faulty_hub s(embedded::one_file(1000));
  const auto hit = s.hub.inject(fault(by.action).on(where).repeated(always));
  const auto failure = s.here.failure("acme/one");
  REQUIRE(failure);
  CHECK(failure->reason() == by.forever);
  CHECK(failure->context().repo == "acme/one");
  CHECK(failure->context().url.find(where) != std::string::npos);
  CHECK(failure->detail().find(by.because) != std::string::npos);
  CHECK(hit.fired() >= 3);
  CHECK(hit.fired() <= static_cast<std::uint64_t>(s.here.config.attempts) + 1);
  CHECK(s.hub.log().content_gets() == 0);
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
}

/// A listing of one file of `size` bytes with the names of the real one.
fault_action listed(const embedded::repo_file& file, const std::string& size) {
  const auto true_size = "\"size\":" + std::to_string(file.content.size()) + ",";
  return embedded::rewrite(true_size, "\"size\":" + size + ",");
}

}  // namespace

TEST_CASE("metadata that fails for a while is asked for again, and nothing else is") {
  for (const auto& by : passing()) {
    for (const auto& where : requests) check_passing(by, where);
  }
  for (const auto& by : malformed()) {
    for (const auto& where : requests) check_passing(by, where);
  }
}

TEST_CASE(
    "metadata that keeps failing ends the run after some attempts, with its reason and nothing written") {
  for (const auto& by : passing()) {
    for (const auto& where : requests) check_staying(by, where);
  }
  for (const auto& by : malformed()) {
    for (const auto& where : requests) check_staying(by, where);
  }
}

TEST_CASE("metadata of every framing is read") {
  for (const auto& action : {embedded::chunked(7), embedded::drop_header("Content-Length"),
                             embedded::interim({100, 103}), embedded::extra_bytes(20)}) {
    faulty_hub s(embedded::one_file(1000));
    s.hub.inject(fault(action).on("/api/models").repeated(always));
    CHECK(s.complete(s.here.snapshot("acme/one")));
  }
}

TEST_CASE("a page of the listing that fails is asked for again, not the pages before it") {
  embedded::hub_options paged;
  paged.site.page_size = 20;
  embedded::hub hub(paged);
  const auto repo = embedded::many_files(100);
  hub.put(repo);
  test::machine here(hub);
  hub.inject(fault(cut_json()).on("cursor=40").repeated(2));
  CHECK(test::holds(here.snapshot("acme/many"), repo.files()));
  const auto pages = hub.log().count([](const auto& r) { return r.path.find("/tree/") != r.path.npos; });
  CHECK(pages == 6 + 2);  // 101 files and their folders
}

TEST_CASE("while the Hub fails, a snapshot that is complete in the cache serves, and the warning says why") {
  faulty_hub s(embedded::one_file(1000));
  const auto first = s.here.snapshot("acme/one");
  s.here.config.metadata_timeout = std::chrono::milliseconds(60);
  auto troubles = passing();
  troubles.push_back({"silent", embedded::stall_before_head(std::chrono::seconds(3)), errc::timed_out, ""});
  for (const auto& by : troubles) {
    CAPTURE(by.name);
    s.hub.clear_faults();
    s.hub.log().clear();
    s.hub.inject(fault(by.action).on("/api/").repeated(always));
    const auto got = s.here.snapshot("acme/one");
    CHECK(got.path == first.path);
    CHECK(got.totals.bytes_present == got.totals.bytes_total);
    CHECK(s.hub.log().content_gets() == 0);
    const auto warnings = s.here.warnings();
    REQUIRE(warnings.size() == 1);
    CHECK(warnings.front().find("cannot be reached") != std::string::npos);
    CHECK(warnings.front().find(by.because) != std::string::npos);
    CHECK(s.only_whole_blobs());
  }
}

TEST_CASE("while the Hub fails, a snapshot of which something is missing is not passed off as complete") {
  faulty_hub s(embedded::one_file(1000));
  s.here.snapshot("acme/one");
  std::filesystem::remove(s.here.blob("acme/one", s.repo.files().begin()->second.etag()));
  s.hub.inject(fault(embedded::status(503)).on("/api/").repeated(always));
  const auto failure = s.here.failure("acme/one");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::server_failed);
}

TEST_CASE("a listing that lies about a size publishes nothing, and ends soon") {
  for (const std::uint64_t bytes : {500'000U, 3'000'000U}) {
    for (const int off : {-1, 1, 100'000}) {
      CAPTURE(bytes);
      CAPTURE(off);
      faulty_hub s(embedded::one_file(bytes));
      const auto& file = s.repo.files().at("model.safetensors");
      const auto size = std::to_string(static_cast<std::int64_t>(bytes) + off);
      s.hub.inject(fault(listed(file, size)).on("/tree/").repeated(always));
      const auto failure = s.here.failure("acme/one");
      REQUIRE(failure);
      CHECK(failure->reason() == errc::size_mismatch);
      CHECK(failure->context().file == "model.safetensors");
      CHECK(failure->context().url.starts_with(s.hub.cdn()));
      CHECK(s.hub.log().content_gets() <= 6);
      CHECK(s.nothing_named());
    }
  }
}

TEST_CASE("a listing that gives no bytes to a content that has some is found out without a request") {
  faulty_hub s(embedded::one_file(1000));
  s.hub.inject(fault(listed(s.repo.files().at("model.safetensors"), "0")).on("/tree/").repeated(always));
  CHECK(s.here.failure("acme/one")->reason() == errc::digest_mismatch);
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(s.nothing_named());
}

TEST_CASE("a size that no disk holds is refused before the first byte, alone and as a sum that overflows") {
  faulty_hub s(embedded::one_file(1000));
  const std::string largest = "9007199254740992";  // 2^53
  const auto refused = [&s](const fault_action& listing) {
    s.hub.clear_faults();
    s.hub.inject(fault(listing).on("/tree/").repeated(always));
    const auto failure = s.here.failure("acme/one");
    return failure && failure->reason() == errc::disk_full && s.hub.log().content_gets() == 0;
  };
  CHECK(refused(listed(s.repo.files().at("model.safetensors"), largest)));
  std::string entries;
  for (unsigned i = 0; i < 2048; ++i) {  // 2^11 of them are 2^64 bytes
    const auto oid = std::to_string(100'000 + i) + std::string(34, 'a');
    entries += (i == 0 ? "" : ",") + (R"({"type":"file","oid":")" + oid) + R"(","size":)" + largest +
               R"(,"path":"f)" + std::to_string(i) + "\"}";
  }
  CHECK(refused(embedded::body("[" + entries + "]")));
}

TEST_CASE("a listing that lies about a hash publishes nothing under either name") {
  for (const std::uint64_t bytes : {500'000U, 3'000'000U}) {
    faulty_hub s(embedded::one_file(bytes));
    const auto real = s.repo.files().at("model.safetensors").etag();
    const std::string lie(64, 'a');
    s.hub.inject(fault(embedded::rewrite(real, lie)).on("/tree/").repeated(always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::digest_mismatch);
    CHECK(failure->detail().find(lie) != std::string::npos);
    CHECK(failure->detail().find(real) != std::string::npos);
    CHECK(s.hub.log().content_bytes_sent() == 3 * bytes);
    CHECK(s.nothing_named());
  }
}

TEST_CASE("a hash that the Hub masks is no name: nothing is fetched, and the listing is not kept") {
  faulty_hub s(embedded::one_file(1000));
  const auto real = s.repo.files().at("model.safetensors").etag();
  s.hub.inject(fault(embedded::rewrite(real, std::string(64, '*'))).on("/tree/").repeated(always));
  CHECK(s.here.failure("acme/one")->reason() == errc::gated);
  CHECK(s.hub.log().content_gets() == 0);
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
}

TEST_CASE("content that changes after it was listed is not taken for what was listed") {
  for (const std::uint64_t bytes : {500'000U, 3'000'000U}) {
    for (const std::uint64_t grown : {0U, 1000U}) {
      faulty_hub s(embedded::one_file(bytes));
      auto changed = s.repo;
      for (auto& [id, commit] : changed.commits) {
        commit.files["model.safetensors"] =
            embedded::lfs(embedded::file_content::generated(9, bytes + grown));
      }
      auto observer = [&](const hubcache::event& e) {
        if (std::holds_alternative<hubcache::events::planned>(e)) s.hub.put(changed);
      };
      hubcache::cache cache(s.here.config);
      std::optional<errc> reason;
      try {
        cache.snapshot("acme/one", hubcache::snapshot_options(), observer);
      } catch (const hubcache::error& e) {
        reason = e.reason();
      }
      CHECK(reason == (grown == 0 ? errc::digest_mismatch : errc::size_mismatch));
      CHECK(s.nothing_named());
    }
  }
}
