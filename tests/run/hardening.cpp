// Defects that a review found once, each as the behaviour that is right.
#include <hubcache/run.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/publish.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <support/machine.hpp>
#include <sys/resource.h>

using embedded::fault;
using embedded::listener;
using hubcache::errc;
using hubcache::file_action;
using hubcache::snapshot_options;
using test::machine;

namespace {

embedded::repo_model repo_of(const std::string& id, std::size_t count, std::uint64_t size) {
  embedded::repo_model repo(id);
  embedded::file_map files;
  for (std::size_t i = 0; i < count; ++i) {
    files["part-" + std::to_string(i)] = embedded::lfs(embedded::file_content::generated(i + 1, size));
  }
  repo.commit(std::move(files));
  return repo;
}

/// Lets this process open no more than `files` files, for the life of the object.
class descriptor_limit {
 public:
  explicit descriptor_limit(rlim_t files) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit less{files, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &less);
  }
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("many small files need few descriptors at a time") {
  embedded::hub hub;
  hub.put(embedded::many_files(600));
  machine here(hub);
  here.config.fsync = hubcache::fsync_mode::batch;
  const descriptor_limit limit(512);
  CHECK(here.snapshot("acme/many").files.size() == 601);
}

TEST_CASE("cancelling while links are made fetches nothing") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 200, 1000));
  hub.put(repo_of("acme/two", 200, 1000));
  machine here(hub);
  here.snapshot("acme/one");
  hub.log().clear();
  asio::io_context context;
  hubcache::workers pool(1);
  hubcache::cache cache(context.get_executor(), pool, here.config);
  asio::cancellation_signal stop;
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::linked>(e)) stop.emit(asio::cancellation_type::terminal);
  };
  std::exception_ptr failure;
  auto ended = [&](std::exception_ptr e, const hubcache::snapshot&) { failure = e; };
  cache.async_snapshot("acme/two", snapshot_options(), observer,
                       asio::bind_cancellation_slot(stop.slot(), ended));
  context.run();
  REQUIRE(failure);
  CHECK(hubcache::error_of(failure)->reason() == errc::cancelled);
  CHECK(hub.log().content_gets() == 0);
}

TEST_CASE("a lock that is held for a moment does not turn a link into a fetch") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 100'000));
  hub.put(repo_of("acme/two", 1, 100'000));
  machine here(hub);
  here.snapshot("acme/one");
  const auto name = *hubcache::digest::parse(repo_of("acme/one", 1, 100'000).files().at("part-0").etag());
  std::error_code ec;
  auto held = hubcache::content_lock::try_lock(here.config.state_dir, name, "", ec);
  REQUIRE(held);
  hubcache::cache cache(here.config);
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::warning>(e)) held.reset();
  };
  CHECK(cache.snapshot("acme/two", snapshot_options(), observer).totals.bytes_linked == 100'000);
}

TEST_CASE("a small file is published without waiting for a large one") {
  embedded::hub hub;
  auto files = repo_of("acme/mixed", 1, 4'000'000).files();
  files["small"] = embedded::regular("tiny");
  embedded::repo_model repo("acme/mixed");
  repo.commit(files);
  hub.put(repo);
  hub.set_bytes_per_second(4'000'000);
  machine here(hub);
  here.config.fsync = hubcache::fsync_mode::batch;
  here.snapshot("acme/mixed");
  const auto order = here.news.all<hubcache::events::fetched>();
  REQUIRE(order.size() == 2);
  CHECK(order.front().file == "small");
  const auto last_bytes = std::find_if(here.news.seen.rbegin(), here.news.seen.rend(), [](const auto& e) {
    return std::holds_alternative<hubcache::events::advanced>(e);
  });
  const auto first_fetched = std::find_if(here.news.seen.begin(), here.news.seen.end(), [](const auto& e) {
    return std::holds_alternative<hubcache::events::fetched>(e);
  });
  CHECK(first_fetched < last_bytes.base());
}

TEST_CASE("verify does not repair a damaged blob from itself, whatever the index says") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 100'000));
  machine here(hub);
  const auto got = here.snapshot("acme/one");
  const auto name = got.files.front().what.name;
  const auto path = here.blob("acme/one", name.hex());
  std::filesystem::permissions(path, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(500).put('!');
  std::error_code ec;
  const auto identity = hubcache::os::status(path, ec).identity;
  hubcache::mapped_index(here.config.state_dir + "/index")
      .insert(std::vector{
          hubcache::verified_record(name, path, identity, hubcache::mutability::immutable_store)});
  snapshot_options options;
  options.verify = true;
  const auto again = here.snapshot("acme/one", options);
  CHECK(again.totals.bytes_fetched == 100'000);
  CHECK(test::holds(again, repo_of("acme/one", 1, 100'000).files()));
}

TEST_CASE("a symlink in the place of a snapshot leads no entry out of the cache") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 1000));
  machine here(hub);
  const auto commit = hub.get("acme/one").find("main")->id;
  std::filesystem::create_directories(here.home / "victim");
  std::filesystem::create_directories(here.repo_dir("acme/one") / "snapshots");
  std::filesystem::create_directory_symlink(here.home / "victim",
                                            here.repo_dir("acme/one") / "snapshots" / commit);
  CHECK(here.failure("acme/one"));
  CHECK(std::filesystem::is_empty(here.home / "victim"));
}

TEST_CASE("a cache may be destroyed while its work is under way") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 40, 50'000));
  hub.put(repo_of("acme/two", 40, 50'000));
  for (int round = 0; round < 12; ++round) {
    machine here(hub);
    if (round % 2 == 0) here.snapshot("acme/one");
    auto cache = std::make_unique<hubcache::cache>(here.config);
    auto ended = [](std::exception_ptr, const hubcache::snapshot&) {};
    cache->async_snapshot("acme/two", snapshot_options(), ended);
    std::this_thread::sleep_for(std::chrono::milliseconds(round * 2));
    cache.reset();
    CHECK(here.snapshot("acme/two").files.size() == 40);
  }
}

TEST_CASE("an outage in the middle of a transfer is survived") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 1'000'000));
  machine here(hub);
  hub.inject(fault(embedded::drop_after_body(400'000)).on(listener::cdn));
  hub.inject(fault(embedded::close_without_answer()).on("/resolve/").repeated(3));
  here.config.attempts = 5;
  CHECK(test::holds(here.snapshot("acme/one"), repo_of("acme/one", 1, 1'000'000).files()));
}

TEST_CASE("a Hub that asks for a long wait is not waited for when the cache has everything") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 1000));
  machine here(hub);
  const auto first = here.snapshot("acme/one");
  hub.inject(fault(embedded::both(embedded::status(429), embedded::set_header("Retry-After", "600")))
                 .on("/api/")
                 .repeated(fault::always));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(here.snapshot("acme/one").path == first.path);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::minutes(2));
}

TEST_CASE("a plan that is old when it runs looks again") {
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 1000));
  machine here(hub);
  const auto got = here.snapshot("acme/one");
  hubcache::cache cache(here.config);
  const auto plan = cache.plan("acme/one");
  CHECK(plan.bytes_to_fetch() == 0);
  std::filesystem::remove(here.blob("acme/one", got.files.front().what.name.hex()));
  CHECK(test::holds(cache.run(plan), repo_of("acme/one", 1, 1000).files()));
}

TEST_CASE("a partial that another user left is replaced, not trusted") {
  if (::geteuid() != 0) return;
  embedded::hub hub;
  hub.put(repo_of("acme/one", 1, 100'000));
  machine here(hub);
  const auto etag = repo_of("acme/one", 1, 100'000).files().at("part-0").etag();
  std::filesystem::create_directories(here.repo_dir("acme/one") / "blobs");
  const auto partial = here.blob("acme/one", etag) + ".68756263.incomplete";
  std::ofstream(partial) << "theirs";
  REQUIRE(::chown(partial.c_str(), 12345, 12345) == 0);
  here.snapshot("acme/one");
  std::error_code ec;
  CHECK(hubcache::os::status(here.blob("acme/one", etag), ec).owner == 0);
}
