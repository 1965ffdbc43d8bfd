#include <hubcache/cache.hpp>
#include <hubcache/store/content_lock.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <support/machine.hpp>
#include <thread>

using embedded::fault;
using embedded::listener;
using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

/// acme/small: `files` small files, every third of them of LFS, in folders of 40.
embedded::repo_model small_repo(std::size_t files, std::string id = "acme/small") {
  embedded::file_map tree;
  for (std::size_t i = 0; i < files; ++i) {
    const auto path = "folder-" + std::to_string(i / 40) + "/file-" + std::to_string(1000 + i);
    tree[path] = i % 3 == 0 ? embedded::lfs(embedded::file_content::generated(i + 1, 200 + i))
                            : embedded::regular("regular file " + std::to_string(i));
  }
  embedded::repo_model repo(std::move(id));
  repo.commit(std::move(tree));
  return repo;
}

/// A Hub with one repo, and a machine.
struct scene {
  explicit scene(embedded::repo_model served) : repo(std::move(served)) { hub.put(repo); }

  [[nodiscard]] bool complete(const hubcache::snapshot& got) const { return test::holds(got, repo.files()); }
  [[nodiscard]] std::size_t published() { return here.news.all<hubcache::events::fetched>().size(); }
  /// Requests that carried content of `path`. Regular files only.
  [[nodiscard]] std::size_t gets(const std::string& path) {
    return hub.log().count([&](const auto& r) { return r.content && r.path.ends_with("/" + path); });
  }
  [[nodiscard]] std::vector<std::string> leftovers() const {
    return test::names_ending(here.home.path(), ".incomplete");
  }

  embedded::repo_model repo;
  embedded::hub hub;
  machine here{hub};
};

}  // namespace

TEST_CASE("small files are asked for once each, and leave nothing but blobs, in every mode of syncing") {
  for (const auto mode :
       {hubcache::fsync_mode::none, hubcache::fsync_mode::batch, hubcache::fsync_mode::each}) {
    scene s(small_repo(200));
    s.here.config.fsync = mode;
    const auto got = s.here.snapshot("acme/small");
    CHECK(s.complete(got));
    CHECK(s.hub.log().content_gets() == 200);
    CHECK(s.published() == 200);
    CHECK(got.totals.bytes_wire == embedded::total_bytes(s.repo.files()));
    CHECK(s.leftovers().empty());
  }
}

TEST_CASE("files at the limit between small and big arrive whole, and an empty one is not asked for") {
  embedded::repo_model repo("acme/sizes");
  embedded::file_map tree;
  tree["empty"] = embedded::regular("");
  tree["byte"] = embedded::regular("1");
  tree["limit"] = embedded::lfs(embedded::file_content::generated(1, mebibyte));
  tree["beyond"] = embedded::lfs(embedded::file_content::generated(2, mebibyte + 1));
  tree["regular-limit"] = embedded::regular(std::string(mebibyte, 'r'));
  repo.commit(tree);
  scene s(repo);
  CHECK(s.complete(s.here.snapshot("acme/sizes")));
  CHECK(s.gets("empty") == 0);
  CHECK(s.gets("byte") == 1);
  CHECK(s.leftovers().empty());
}

TEST_CASE("more small files than fit into memory at once all arrive") {
  embedded::repo_model repo("acme/heavy");
  embedded::file_map tree;
  for (unsigned i = 0; i < 40; ++i) {
    tree["part-" + std::to_string(i)] = embedded::lfs(embedded::file_content::generated(i, mebibyte - i));
  }
  repo.commit(tree);
  scene s(repo);
  snapshot_options options;
  options.max_transfers = 32;
  CHECK(s.complete(s.here.snapshot("acme/heavy", options)));
  CHECK(s.hub.log().content_gets() == 40);
}

TEST_CASE("a small file that the Hub does not have is named; the others are fetched and kept") {
  scene s(small_repo(150));
  s.hub.inject(fault(embedded::status(404)).on("file-1070").repeated(fault::always));
  const auto failure = s.here.failure("acme/small");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::file_not_found);
  CHECK(failure->context().file == "folder-1/file-1070");
  CHECK(s.published() == 149);
  CHECK(s.leftovers().empty());
  s.hub.clear_faults();
  s.hub.log().clear();
  CHECK(s.complete(s.here.snapshot("acme/small")));
  CHECK(s.hub.log().content_gets() == 1);
}

TEST_CASE("a small file that came altered is fetched again") {
  scene s(small_repo(100));
  const auto altered = s.hub.inject(fault(embedded::flip_byte(3)).on("file-1050"));
  const auto got = s.here.snapshot("acme/small");
  CHECK(s.complete(got));
  CHECK(altered.fired() == 1);
  CHECK(s.gets("folder-1/file-1050") == 2);
  const auto retried = s.here.news.all<hubcache::events::retried>();
  REQUIRE(retried.size() == 1);
  CHECK(retried.front().file == "folder-1/file-1050");
  CHECK(retried.front().lost == s.repo.files().at("folder-1/file-1050").content.size());
}

TEST_CASE("a small file that always comes altered is given up; the others are kept") {
  scene s(small_repo(100));
  const auto altered = s.hub.inject(fault(embedded::flip_byte(3)).on("file-1050").repeated(fault::always));
  const auto failure = s.here.failure("acme/small");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::digest_mismatch);
  CHECK(failure->context().file == "folder-1/file-1050");
  CHECK(altered.fired() == 3);
  CHECK(s.published() == 99);
  CHECK_FALSE(
      std::filesystem::exists(s.here.blob("acme/small", s.repo.files().at("folder-1/file-1050").etag())));
}

TEST_CASE("when every small file comes altered, the run ends") {
  scene s(small_repo(150));
  s.hub.inject(fault(embedded::flip_byte(0)).on("file-1").repeated(fault::always));
  s.hub.inject(fault(embedded::flip_byte(0)).on(listener::cdn).repeated(fault::always));
  const auto failure = s.here.failure("acme/small");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::digest_mismatch);
  CHECK(s.published() == 0);
}

TEST_CASE("when the Hub has no small file, the run ends") {
  scene s(small_repo(300));
  s.hub.inject(fault(embedded::status(404)).on("/resolve/").repeated(fault::always));
  const auto failure = s.here.failure("acme/small");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::file_not_found);
}

TEST_CASE("a failure that concerns all stops the small files soon, and what had come is published") {
  scene s(small_repo(300));
  s.hub.inject(fault(embedded::status(401)).on("/resolve/").after(100).repeated(fault::always));
  const auto failure = s.here.failure("acme/small");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::unauthorized);
  CHECK(s.published() >= 100);
  CHECK(s.hub.log().count([](const auto& r) { return r.status == 401; }) <= 32);
}

TEST_CASE("a refusal is met by those that are under way, and by nobody who waits for a turn") {
  for (const int code : {401, 403}) {
    scene s(small_repo(300));
    s.hub.inject(fault(embedded::status(code)).on("/resolve/").repeated(fault::always));
    REQUIRE(s.here.failure("acme/small"));
    // As many exchanges as a run begins with, of 32 that it may have.
    CHECK(s.hub.log().count([&](const auto& r) { return r.status == code; }) <= 16);
    CHECK(s.leftovers().empty());
  }
}

TEST_CASE("a file that is to be tried again is not, once the run has stopped") {
  embedded::repo_model repo("acme/two");
  embedded::file_map tree;
  tree["failing"] = embedded::regular("a");
  tree["refused"] = embedded::regular("b");
  repo.commit(tree);
  scene s(repo);
  s.here.config.retry_pause = std::chrono::milliseconds(300);
  const auto failing = s.hub.inject(fault(embedded::status(503)).on("/failing").repeated(fault::always));
  s.hub.inject(
      fault(embedded::both(embedded::status(403), embedded::stall_before_head(std::chrono::milliseconds(10))))
          .on("/refused")
          .repeated(fault::always));
  const auto failure = s.here.failure("acme/two");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::forbidden);
  CHECK(failing.fired() == 1);
}

TEST_CASE("a big file that fails at once neither hangs the small ones nor is hung by them") {
  auto tree = small_repo(120).files();
  tree["big"] = embedded::lfs(embedded::file_content::generated(7, 3 * mebibyte));
  embedded::repo_model repo("acme/mixed");
  repo.commit(tree);
  for (const int code : {401, 404}) {
    scene s(repo);
    s.hub.inject(fault(embedded::status(code)).on("/big").repeated(fault::always));
    const auto failure = s.here.failure("acme/mixed");
    REQUIRE(failure);
    CHECK(failure->reason() == (code == 404 ? errc::file_not_found : errc::unauthorized));
    CHECK(failure->context().file == "big");
    if (code == 404) CHECK(s.published() == 120);
    s.hub.clear_faults();
    CHECK(s.complete(s.here.snapshot("acme/mixed")));
  }
}

TEST_CASE("small files do not wait behind a big one") {
  auto tree = small_repo(60).files();
  tree["big"] = embedded::lfs(embedded::file_content::generated(7, 3 * mebibyte));
  embedded::repo_model repo("acme/mixed");
  repo.commit(tree);
  scene s(repo);
  s.hub.inject(fault(embedded::drip(4 * mebibyte))
                   .on(repo.files().at("big").content.xet_hash())
                   .repeated(fault::always));
  CHECK(s.complete(s.here.snapshot("acme/mixed")));
  const auto order = s.here.news.all<hubcache::events::fetched>();
  REQUIRE(order.size() == 61);
  CHECK(order.back().file == "big");
}

TEST_CASE("a connection that breaks in a small file is continued where it broke") {
  embedded::repo_model repo("acme/half");
  embedded::file_map tree;
  tree["half"] = embedded::lfs(embedded::file_content::generated(3, 600'000));
  repo.commit(tree);
  scene s(repo);
  const auto drop = s.hub.inject(fault(embedded::drop_after_body(200'000)).on(listener::cdn).repeated(2));
  const auto got = s.here.snapshot("acme/half");
  CHECK(s.complete(got));
  CHECK(drop.fired() == 2);
  CHECK(got.totals.bytes_wire == 600'000);
}

TEST_CASE("a server that ignores ranges and never sends a small file whole is given up") {
  embedded::repo_model repo("acme/half");
  embedded::file_map tree;
  tree["half"] = embedded::lfs(embedded::file_content::generated(3, 600'000));
  repo.commit(tree);
  scene s(repo);
  const auto never_whole = embedded::both(embedded::ignore_range(), embedded::drop_after_body(200'000));
  s.hub.inject(fault(never_whole).on(listener::cdn).repeated(fault::always));
  s.hub.inject(fault(embedded::drop_after_body(200'000)).on(listener::cdn).repeated(fault::always));
  const auto failure = s.here.failure("acme/half");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::connection_lost);
}

TEST_CASE("a batch into a local folder has plain files, their copies and their records") {
  auto tree = small_repo(90).files();
  tree["copy"] = tree.begin()->second;
  embedded::repo_model repo("acme/local");
  repo.commit(tree);
  for (const auto mode : {hubcache::fsync_mode::none, hubcache::fsync_mode::batch}) {
    scene s(repo);
    s.here.config.fsync = mode;
    const auto folder = s.here.home / "models/local";
    const auto got = s.here.snapshot("acme/local", snapshot_options().with_local_dir(folder));
    CHECK(s.complete(got));
    CHECK(s.hub.log().content_gets() == 90);
    CHECK(s.leftovers().empty());
    CHECK(test::names_ending(folder + "/.cache/huggingface/download", ".metadata").size() == 91);
    CHECK(std::filesystem::hard_link_count(folder + "/copy") == 1);
    s.hub.log().clear();
    const auto again = s.here.snapshot("acme/local", snapshot_options().with_local_dir(folder));
    CHECK(again.totals.bytes_present == again.totals.bytes_total);
    CHECK(s.hub.log().content_gets() == 0);
  }
}

TEST_CASE(
    "a run that is cancelled inside a batch leaves no lock and no partial, and the next one completes it") {
  // After so many events of the run: at its start, amid requests, and amid publications.
  for (std::size_t moment = 1; moment < 400; moment += 37) {
    scene s(small_repo(120));
    asio::io_context context{1};
    hubcache::workers pool(2);
    hubcache::cache cache(context.get_executor(), pool, s.here.config);
    asio::cancellation_signal stop;
    std::size_t seen = 0, kept = 0;
    auto observer = [&](const hubcache::event& e) {
      kept += std::holds_alternative<hubcache::events::fetched>(e) ? 1U : 0U;
      if (++seen == moment) stop.emit(asio::cancellation_type::terminal);
    };
    std::exception_ptr failure;
    bool called = false;
    auto ended = [&](std::exception_ptr e, const hubcache::snapshot&) {
      failure = e;
      called = true;
    };
    cache.async_snapshot("acme/small", snapshot_options(), observer,
                         asio::bind_cancellation_slot(stop.slot(), ended));
    context.run();
    REQUIRE(called);
    if (failure) CHECK(hubcache::error_of(failure)->reason() == errc::cancelled);
    CHECK(s.leftovers().empty());

    s.here.config.user_agent = "second";  // the Hub may still read requests of the first
    CHECK(s.complete(s.here.snapshot("acme/small")));
    CHECK(s.hub.log().count([](const auto& r) {
      return r.content && r.user_agent.find("second") != std::string::npos;
    }) <= 120 - kept);
    CHECK(s.here.warnings().empty());
  }
}

TEST_CASE("a cache that is destroyed inside a batch takes its run along; the next run completes it") {
  for (std::size_t moment = 1; moment < 300; moment += 43) {
    scene s(small_repo(120));
    std::atomic<std::size_t> seen = 0;
    std::atomic<bool> done = false;
    auto observer = [&](const hubcache::event&) { ++seen; };
    auto ended = [&](std::exception_ptr, const hubcache::snapshot&) { done = true; };
    auto cache = std::make_unique<hubcache::cache>(s.here.config);
    cache->async_snapshot("acme/small", snapshot_options(), observer, ended);
    while (seen < moment && !done) std::this_thread::yield();
    cache.reset();
    CHECK(s.complete(s.here.snapshot("acme/small")));
  }
}

TEST_CASE("two caches that want the same small files fetch each once") {
  scene s(small_repo(400));
  s.hub.set_bytes_per_second(400'000);
  hubcache::cache first(s.here.config);
  hubcache::cache second(s.here.config);
  auto a = first.async_snapshot("acme/small", snapshot_options(), asio::use_future);
  auto b = second.async_snapshot("acme/small", snapshot_options(), asio::use_future);
  CHECK(s.complete(a.get()));
  CHECK(s.complete(b.get()));
  CHECK(s.hub.log().content_gets() == 400);
}

TEST_CASE("small files may be fetched while somebody removes the folder of the locks") {
  scene s(small_repo(300));
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::fetched>(e)) {
      std::filesystem::remove_all(s.here.config.state_dir + "/locks");
    }
  };
  hubcache::cache cache(s.here.config);
  CHECK(s.complete(cache.snapshot("acme/small", snapshot_options(), observer)));
  CHECK(s.hub.log().content_gets() == 300);
}

TEST_CASE("a small file that another process moves is waited for, told once, and not fetched") {
  scene s(small_repo(80));
  const auto file = s.repo.files().at("folder-1/file-1049");
  std::error_code ec;
  auto held = hubcache::content_lock::try_lock(s.here.config.state_dir, *hubcache::digest::parse(file.etag()),
                                               "", ec);
  REQUIRE(held);
  std::size_t warnings = 0, fetched = 0;
  const auto blob = s.here.blob("acme/small", file.etag());
  auto observer = [&](const hubcache::event& e) {
    warnings += std::holds_alternative<hubcache::events::warning>(e) ? 1U : 0U;
    if (std::holds_alternative<hubcache::events::fetched>(e) && ++fetched == 79) {
      s.here.home.write("other", file.content.text());
      std::filesystem::rename(s.here.home / "other", blob);
      held.reset();
    }
  };
  hubcache::cache cache(s.here.config);
  const auto got = cache.snapshot("acme/small", snapshot_options(), observer);
  CHECK(s.complete(got));
  CHECK(warnings == 1);
  CHECK(s.hub.log().content_gets() == 79);
}
