#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/peek.hpp>

#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <run/planner.hpp>
#include <string>
#include <vector>

using embedded::fault;
using embedded::listener;
using hubcache::content_part;
using hubcache::errc;
using test::machine;
using test::planner;

namespace {

constexpr auto always = fault::always;
const std::string weights = "model.safetensors";  // 100'000 bytes, LFS
const std::string config = "config.json";         // regular

asio::awaitable<std::string> peek(hubcache::services with, hubcache::hub_source& hub,
                                  const hubcache::plan& draft, std::string path, content_part part) {
  return hubcache::detail::peek(with, hub, draft, *draft.listing.find(path), part);
}

/// A Hub with acme/tiny, a machine with nothing, and looks at single files.
struct scene {
  scene() {
    hub.put(embedded::tiny());
    use("acme/tiny");
  }

  void use(const std::string& repo) {
    draft = with.get(known(with.services(), source, repo, options));
    hub.log().clear();
  }

  static asio::awaitable<hubcache::plan> known(hubcache::services with, hubcache::hub_source& hub,
                                               hubcache::repo which, hubcache::snapshot_options options) {
    auto found = co_await hubcache::detail::draft_plan(with, hub, std::move(which), std::move(options));
    co_return std::move(found.what);
  }
  std::string look(const std::string& path, std::uint64_t begin, std::optional<std::uint64_t> end) {
    return with.get(peek(with.services(), source, draft, path, {begin, end}));
  }
  std::string whole(const std::string& path, std::uint64_t at_most = 1'000'000) {
    return with.get(
        hubcache::detail::peek_whole(with.services(), source, draft, *draft.listing.find(path), at_most));
  }
  template <class F>
  std::optional<hubcache::error> failure(F call) {
    try {
      static_cast<void>(call());
    } catch (const hubcache::error& e) {
      return e;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    return hub.get("acme/tiny").files().at(path).content.text();
  }
  [[nodiscard]] std::vector<std::string> ranges() {
    std::vector<std::string> found;
    for (const auto& record : hub.log().records()) {
      if (record.where == listener::cdn) found.push_back(record.range);
    }
    return found;
  }
  [[nodiscard]] std::string blob(const std::string& path) const {
    return here.blob("acme/tiny", hub.get("acme/tiny").files().at(path).etag());
  }
  void change_blob(const std::string& path, const std::string& bytes) const {
    std::filesystem::permissions(blob(path), std::filesystem::perms::owner_all);
    std::ofstream(blob(path)) << bytes;
  }

  embedded::hub hub;
  machine here{hub};
  planner with{here};
  hubcache::hub_source source{here.config, with.services().transport, with.services().observer};
  hubcache::snapshot_options options;
  hubcache::plan draft;
};

}  // namespace

TEST_CASE("a part of a file is asked for by its range, and nothing is written") {
  scene s;
  CHECK(s.look(weights, 1000, 1500) == s.text(weights).substr(1000, 500));
  CHECK(s.ranges() == std::vector<std::string>{"bytes=1000-1499"});
  CHECK(s.hub.log().content_bytes_sent() == 500);
  CHECK(s.source.counters().bytes_wire == 500);
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
}

TEST_CASE("a part ends where the file ends, and may be all of it or nothing") {
  scene s;
  const auto all = s.text(weights);
  CHECK(s.look(weights, 99'990, 200'000) == all.substr(99'990));
  CHECK(s.look(weights, 99'990, std::nullopt) == all.substr(99'990));
  CHECK(s.look(weights, 0, std::nullopt) == all);
  s.hub.log().clear();
  CHECK(s.look(weights, 100'000, 100'010).empty());
  CHECK(s.look(weights, 300'000, 200'000).empty());
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("regular files are looked into alike") {
  scene s;
  CHECK(s.look(config, 1, 5) == s.text(config).substr(1, 4));
  CHECK(s.hub.log().content_bytes_sent() == 4);
}

TEST_CASE("what the repo's own blobs hold is not asked for") {
  scene s;
  s.here.snapshot("acme/tiny");
  s.hub.log().clear();
  CHECK(s.look(weights, 7, 77) == s.text(weights).substr(7, 70));
  CHECK(s.whole(config) == s.text(config));
  s.here.config.offline = true;
  CHECK(s.look(weights, 7, 77) == s.text(weights).substr(7, 70));
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a blob of another size is not believed") {
  scene s;
  s.here.snapshot("acme/tiny");
  s.change_blob(weights, "short");
  CHECK(s.look(weights, 1, 4) == s.text(weights).substr(1, 3));
}

TEST_CASE("a local folder's file is read as long as it is the one that was recorded") {
  scene s;
  s.options.local_dir = s.here.home / "out";
  const auto got = s.here.snapshot("acme/tiny", s.options);
  s.use("acme/tiny");
  CHECK(s.look(weights, 0, 10) == s.text(weights).substr(0, 10));
  CHECK(s.hub.log().count() == 0);
  std::filesystem::remove(got.path_of(weights));
  std::ofstream(got.path_of(weights)) << std::string(100'000, 'x');
  std::filesystem::last_write_time(got.path_of(weights),
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  CHECK(s.look(weights, 0, 10) == s.text(weights).substr(0, 10));
  CHECK(s.hub.log().content_bytes_sent() == 10);
}

TEST_CASE("an answer with the whole file is read up to the end of the part, and no further") {
  scene s;
  const auto repo = embedded::one_file(20'000'000);
  s.hub.put(repo);
  s.use("acme/one");
  s.hub.inject(fault(embedded::ignore_range()).repeated(always));
  const auto text = repo.files().at(weights).content.text();
  CHECK(s.look(weights, 60'000, 70'000) == text.substr(60'000, 10'000));
  CHECK(s.source.counters().bytes_wire >= 70'000);
  CHECK(s.source.counters().bytes_wire < 70'000 + 65'536);
  CHECK(s.ranges().size() == 1);
}

TEST_CASE("a part whose connection breaks is continued") {
  scene s;
  s.hub.inject(fault(embedded::drop_after_body(300)).on(listener::cdn));
  CHECK(s.look(weights, 1000, 2000) == s.text(weights).substr(1000, 1000));
  REQUIRE(s.ranges().size() == 2);
  CHECK(s.ranges()[1] == "bytes=1300-1999");
  CHECK(s.source.counters().bytes_wire == 1000);
}

TEST_CASE("a body that is shorter than the part is asked for again, and given up in the end") {
  scene s;
  s.here.config.attempts = 3;
  const auto hits = s.hub.inject(fault(embedded::drop_after_body(0)).on(listener::cdn).repeated(always));
  const auto failure = s.failure([&] { return s.look(weights, 0, 1000); });
  REQUIRE(failure);
  CHECK(failure->reason() == errc::connection_lost);
  CHECK(failure->context().file == weights);
  CHECK(failure->context().repo == "acme/tiny");
  CHECK(hits.fired() == 3);
}

TEST_CASE("a range that is not the one asked for is refused") {
  scene s;
  s.hub.inject(fault(embedded::wrong_content_range("bytes 0-99/100000")).repeated(always));
  const auto failure = s.failure([&] { return s.look(weights, 100, 200); });
  REQUIRE(failure);
  CHECK(failure->reason() == errc::size_mismatch);
  CHECK(failure->detail().find("bytes 0-99/100000") != std::string::npos);
  CHECK(failure->context().file == weights);
}

TEST_CASE("a file of another size than the listing says is refused") {
  scene s;
  s.hub.inject(fault(embedded::wrong_content_range("bytes 100-199/100001")).repeated(always));
  CHECK(s.failure([&] { return s.look(weights, 100, 200); })->reason() == errc::size_mismatch);
}

TEST_CASE("a pause that the Hub asks for uses up no attempt") {
  scene s;
  s.here.config.attempts = 1;
  s.hub.inject(
      fault(embedded::both(embedded::status(429), embedded::set_header("Retry-After", "1"))).on("/resolve/"));
  CHECK(s.look(weights, 0, 10) == s.text(weights).substr(0, 10));
  s.hub.inject(fault(embedded::status(503)).on("/resolve/"));
  CHECK(s.failure([&] { return s.look(weights, 0, 10); })->reason() == errc::server_failed);
}

TEST_CASE("the token goes to the Hub and to nobody whom it redirects to") {
  scene s;
  s.here.config.token = hubcache::secret("hf_reader");
  CHECK(s.look(weights, 0, 10) == s.text(weights).substr(0, 10));
  const auto records = s.hub.log().records();
  REQUIRE(records.size() == 2);
  CHECK(records[0].has_auth);
  CHECK(records[1].where == listener::cdn);
  CHECK_FALSE(records[1].has_auth);
}

TEST_CASE("offline, what is not in the cache is missing by name, and nothing is asked") {
  scene s;
  s.here.config.offline = true;
  for (const auto& call : {std::function<std::string()>([&] { return s.look(weights, 0, 10); }),
                           std::function<std::string()>([&] { return s.whole(weights); })}) {
    const auto failure = s.failure(call);
    REQUIRE(failure);
    CHECK(failure->reason() == errc::not_cached);
    CHECK(failure->context().file == weights);
  }
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a whole file is verified: other bytes are asked for again, and given up in the end") {
  scene s;
  CHECK(s.whole("empty.txt").empty());
  CHECK(s.whole(weights) == s.text(weights));
  s.hub.inject(fault(embedded::flip_byte(3)));
  CHECK(s.whole(config) == s.text(config));
  s.hub.inject(fault(embedded::flip_byte(3)).repeated(always));
  const auto failure = s.failure([&] { return s.whole(config); });
  REQUIRE(failure);
  CHECK(failure->reason() == errc::digest_mismatch);
  CHECK(failure->context().file == config);
}

TEST_CASE("a damaged blob is not taken for the whole file") {
  scene s;
  s.here.snapshot("acme/tiny");
  s.change_blob(config, std::string(s.text(config).size(), 'x'));
  CHECK(s.whole(config) == s.text(config));
  s.here.config.offline = true;
  CHECK(s.failure([&] { return s.whole(config); })->reason() == errc::not_cached);
}

TEST_CASE("a file that is longer than expected is not asked for") {
  scene s;
  const auto failure = s.failure([&] { return s.whole(weights, 99'999); });
  REQUIRE(failure);
  CHECK(failure->reason() == errc::malformed_file);
  CHECK(failure->context().file == weights);
  CHECK(s.hub.log().count() == 0);
  CHECK(s.whole(weights, 100'000).size() == 100'000);
}

TEST_CASE("what the listing hides from this caller is not shown to him") {
  scene s;
  embedded::repo_model gated("acme/tiny");
  gated.gated = embedded::gate::manual;
  gated.commit(embedded::tiny().files());
  s.hub.put(gated);
  s.use("acme/tiny");
  CHECK(s.failure([&] { return s.look(weights, 0, 10); })->reason() == errc::gated);
  CHECK(s.failure([&] { return s.whole(weights); })->reason() == errc::gated);
}

TEST_CASE("several looks at a time share one source") {
  scene s;
  std::vector<std::string> got(16);
  const auto services = s.with.services();
  // It lives until fan_out() is done. NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines)
  auto one = [&](std::size_t k) -> asio::awaitable<void> {
    got[k] = co_await peek(services, s.source, s.draft, weights, {k * 1000, k * 1000 + 10});
  };
  auto all = [&]() -> asio::awaitable<bool> {
    co_await hubcache::fan_out(got.size(), one);
    co_return true;
  };
  s.with.get(all());
  for (std::size_t k = 0; k < got.size(); ++k) CHECK(got[k] == s.text(weights).substr(k * 1000, 10));
}

TEST_CASE("a look is cancelled while it waits for its bytes, and while it pauses") {
  scene s;
  s.here.config.download_timeout = s.here.config.retry_pause = std::chrono::minutes(1);
  for (const auto& what : {embedded::stall_in_body(10, std::chrono::minutes(1)), embedded::status(503)}) {
    s.hub.inject(fault(what).on(listener::cdn));
    asio::steady_timer soon(s.with.executor(), std::chrono::milliseconds(50));
    soon.async_wait([&](std::error_code) { s.with.stop.emit(asio::cancellation_type::terminal); });
    const auto failure = s.failure([&] { return s.look(weights, 0, 1000); });
    REQUIRE(failure);
    CHECK(failure->reason() == errc::cancelled);
  }
}
