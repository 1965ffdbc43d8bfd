#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/hub_layout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <store/contents.hpp>
#include <string>
#include <support/child_process.hpp>
#include <support/temp_folder.hpp>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
using hubcache::content_lock;
using hubcache::content_locks;
using test::temp_folder;

namespace {

const auto name = test::content_of("content").name;

/// One HF_HOME: hubcache's state and a Hub cache.
struct hf_home {
  temp_folder folder;
  std::string state = folder / "hubcache";
  std::string cache = folder / "hub";

  [[nodiscard]] std::string own_lock() const { return state + "/locks/" + name.hex() + ".lock"; }
  [[nodiscard]] std::string hub_lock(const char* repo) const {
    return hubcache::hub_layout(cache, hubcache::repo(repo)).lock(name);
  }
  [[nodiscard]] std::optional<content_lock> lock(const char* repo) const {
    std::error_code ec = std::make_error_code(std::errc::io_error);
    auto result = content_lock::try_lock(state, name, hub_lock(repo), ec);
    CHECK(!ec);
    return result;
  }
};

}  // namespace

TEST_CASE("Content is moved by one at a time, also when two repos want it") {
  const hf_home home;
  auto lock = home.lock("a/one");
  REQUIRE(lock);
  CHECK_FALSE(home.lock("a/one"));
  CHECK_FALSE(home.lock("b/two"));
  lock.reset();
  CHECK(home.lock("b/two"));
}

TEST_CASE("Other content is not locked with it") {
  const hf_home home;
  const auto lock = home.lock("a/one");
  std::error_code ec;
  CHECK(content_lock::try_lock(home.state, test::content_of("other").name, {}, ec));
}

TEST_CASE("The own lock leaves no file for each content; the Hub's file stays, where its clients expect it") {
  const hf_home home;
  {
    const auto lock = home.lock("a/one");
    REQUIRE(lock);
  }
  CHECK_FALSE(fs::exists(home.own_lock()));
  CHECK(fs::is_regular_file(home.cache + "/.locks/models--a--one/" + name.hex() + ".lock"));
  CHECK(fs::file_size(home.hub_lock("a/one")) == 0);
}

TEST_CASE("A client of the Hub that holds its lock keeps hubcache out of that repo only") {
  const hf_home home;
  std::error_code ec;
  hubcache::os::make_directories(fs::path(home.hub_lock("a/one")).parent_path().string(), ec);
  const auto python =
      hubcache::os::file_lock::try_lock(home.hub_lock("a/one"), hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(python);
  CHECK_FALSE(home.lock("a/one"));
  CHECK_FALSE(fs::exists(home.own_lock()));
  CHECK(home.lock("b/two"));
}

TEST_CASE("Content is locked against other processes until they end") {
  const hf_home home;
  test::child_process holder([&home](const auto& signal) {
    std::error_code ec;
    const auto lock = content_lock::try_lock(home.state, name, {}, ec);
    signal(lock ? '+' : '-');
  });
  CHECK(holder.next_signal() == '+');
  CHECK_FALSE(home.lock("a/one"));
  holder.kill();
  CHECK(home.lock("a/one"));
}

TEST_CASE("Locks outlive what took them, and exclude another taker of the same process") {
  const hf_home home;
  std::error_code ec;
  std::optional<content_lock> lock, other;
  {
    content_locks batch(home.state);
    lock = batch.try_lock(name, home.hub_lock("a/one"), ec);
    other = batch.try_lock(test::content_of("other").name, {}, ec);
  }
  REQUIRE((lock && other));
  content_locks second(home.state);
  CHECK_FALSE(second.try_lock(name, home.hub_lock("b/two"), ec));
  CHECK(!ec);
  lock.reset();
  CHECK(second.try_lock(name, home.hub_lock("b/two"), ec));
  CHECK_FALSE(second.try_lock(test::content_of("other").name, {}, ec));
}

TEST_CASE("Who locks after the folder of the locks was removed excludes those who come then") {
  const hf_home home;
  std::error_code ec;
  content_locks batch(home.state);
  CHECK(batch.try_lock(test::content_of("before").name, {}, ec));
  fs::remove_all(home.state);
  const auto lock = batch.try_lock(name, {}, ec);
  REQUIRE(lock);
  CHECK_FALSE(content_locks(home.state).try_lock(name, {}, ec));
  CHECK(!ec);
}

TEST_CASE("A Hub lock that is held gives the own lock back at once") {
  const hf_home home;
  const auto first = home.lock("a/one");
  REQUIRE(first);
  std::error_code ec;
  content_locks batch(home.state);
  const auto two = test::content_of("other").name;
  const auto held =
      hubcache::os::file_lock::try_lock(home.hub_lock("a/one") + "2", hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(held);
  CHECK_FALSE(batch.try_lock(two, home.hub_lock("a/one") + "2", ec));
  CHECK(content_locks(home.state).try_lock(two, {}, ec));
}

TEST_CASE("Threads never hold one content's lock at the same time") {
  const hf_home home;
  std::atomic<int> inside = 0, most = 0, turns = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, repo = t % 2 == 0 ? "a/one" : "b/two"] {
      for (int mine = 0; mine < 25;) {
        std::error_code ec;
        const auto lock = content_lock::try_lock(home.state, name, home.hub_lock(repo), ec);
        if (!lock) {
          std::this_thread::yield();
          continue;
        }
        if (const int now = ++inside; now > most) most = now;
        ++turns;
        ++mine;
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most == 1);
  CHECK(turns == 100);
}

TEST_CASE("Views without a Hub lock make none") {
  const hf_home home;
  std::error_code ec;
  const auto lock = content_lock::try_lock(home.state, name, {}, ec);
  CHECK(lock);
  CHECK_FALSE(fs::exists(home.cache));
}

TEST_CASE("The state folder is the user's own") {
  const hf_home home;
  const auto lock = home.lock("a/one");
  std::error_code ec;
  CHECK(hubcache::os::status(home.state, ec).mode == 0700);
}

TEST_CASE("Lock files that cannot be made are an error, and leave no lock behind") {
  const hf_home home;
  home.folder.write("hub", "a file where the cache should be");
  std::error_code ec;
  CHECK_FALSE(content_lock::try_lock(home.state, name, home.hub_lock("a/one"), ec));
  CHECK(ec == std::errc::not_a_directory);
  CHECK_FALSE(fs::exists(home.own_lock()));
  CHECK_FALSE(content_lock::try_lock(home.folder.write("state", ""), name, {}, ec));
  CHECK(ec);
}
