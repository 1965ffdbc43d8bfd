#include <hubcache/os/lock.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <support/child_process.hpp>
#include <support/temp_folder.hpp>
#include <system_error>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
namespace os = hubcache::os;
using os::byte_lock;
using os::file_lock;
using os::lock_mode;
using test::temp_folder;

namespace {

bool can_lock(const std::string& path, lock_mode mode = lock_mode::exclusive) {
  std::error_code ec;
  const auto lock = file_lock::try_lock(path, mode, ec);
  CHECK(!ec);
  return lock.has_value();
}

file_lock locked(const std::string& path, lock_mode mode = lock_mode::exclusive) {
  std::error_code ec;
  auto lock = file_lock::try_lock(path, mode, ec);
  REQUIRE(lock);
  return std::move(*lock);
}

std::shared_ptr<const os::descriptor> opened(const std::string& path) {
  std::error_code ec;
  auto file = os::open_or_create(path, 0600, ec);
  REQUIRE(!ec);
  return std::make_shared<const os::descriptor>(std::move(file));
}

}  // namespace

TEST_CASE("An exclusive lock excludes every other until it is released, within one process, too") {
  const temp_folder folder;
  const auto path = folder / "lock";
  auto lock = locked(path);
  CHECK_FALSE(can_lock(path));
  CHECK_FALSE(can_lock(path, lock_mode::shared));
  lock.release();
  CHECK(can_lock(path));
}

TEST_CASE("Shared locks exclude only exclusive ones") {
  const temp_folder folder;
  const auto path = folder / "lock";
  const auto lock = locked(path, lock_mode::shared);
  CHECK(can_lock(path, lock_mode::shared));
  CHECK_FALSE(can_lock(path));
}

TEST_CASE("A lock excludes other processes, and ends with its process") {
  const temp_folder folder;
  const auto path = folder / "lock";
  test::child_process holder([&path](const auto& signal) {
    std::error_code ec;
    const auto lock = file_lock::try_lock(path, lock_mode::exclusive, ec);
    signal(lock ? '+' : '-');
  });
  CHECK(holder.next_signal() == '+');
  CHECK_FALSE(can_lock(path));
  holder.kill();
  CHECK(can_lock(path));
}

TEST_CASE("A released lock leaves its file, unless it was told to remove it") {
  const temp_folder folder;
  const auto path = folder / "lock";
  auto lock = locked(path);
  lock.release();
  CHECK(fs::exists(path));
  lock = locked(path);
  lock.remove_on_release();
  lock.release();
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("A lock that was moved is held once, and released by its last owner") {
  const temp_folder folder;
  const auto path = folder / "lock";
  {
    auto first = locked(path);
    first.remove_on_release();
    file_lock second;
    second = std::move(first);
    first.release();
    CHECK_FALSE(can_lock(path));
  }
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("A lock does not remove a file that took the name of its own") {
  const temp_folder folder;
  const auto path = folder / "lock";
  auto lock = locked(path);
  lock.remove_on_release();
  fs::rename(path, folder / "moved");
  folder.write("lock", "another's");
  lock.release();
  CHECK(test::read_file(path) == "another's");
}

TEST_CASE("A file that lost its name cannot be locked: the lock would exclude nobody") {
  const temp_folder folder;
  const auto path = folder.write("lock", "");
  std::error_code ec;
  const auto file = os::open_write(path, ec);
  fs::remove(path);
  CHECK(os::try_lock(file, path, lock_mode::exclusive, ec) == os::lock_outcome::gone);
  folder.write("lock", "");
  CHECK(os::try_lock(file, path, lock_mode::exclusive, ec) == os::lock_outcome::gone);
  CHECK(!ec);
}

TEST_CASE("A lock file that cannot be made is an error, not a held lock") {
  const temp_folder folder;
  std::error_code ec;
  CHECK_FALSE(file_lock::try_lock(folder / "none/lock", lock_mode::exclusive, ec));
  CHECK(ec == std::errc::no_such_file_or_directory);
}

TEST_CASE("A byte is locked against other openings of its file, and only that byte") {
  const temp_folder folder;
  const auto file = opened(folder / "bytes");
  const auto other = opened(folder / "bytes");
  std::error_code ec;
  auto lock = byte_lock::try_lock(file, 7, ec);
  REQUIRE(lock);
  CHECK_FALSE(byte_lock::try_lock(other, 7, ec));
  CHECK(!ec);
  CHECK(byte_lock::try_lock(other, 6, ec));
  CHECK(byte_lock::try_lock(other, 8, ec));
  lock.reset();
  CHECK(byte_lock::try_lock(other, 7, ec));
}

TEST_CASE("The last byte there can be is locked without a file of that size") {
  const temp_folder folder;
  std::error_code ec;
  const auto last = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  const auto lock = byte_lock::try_lock(opened(folder / "bytes"), last, ec);
  CHECK(lock);
  CHECK_FALSE(byte_lock::try_lock(opened(folder / "bytes"), last, ec));
  CHECK(!ec);
  CHECK(fs::file_size(folder / "bytes") == 0);
}

TEST_CASE("A locked byte stays locked when its process closes other openings of the file") {
  const temp_folder folder;
  std::error_code ec;
  const auto lock = byte_lock::try_lock(opened(folder / "bytes"), 7, ec);
  REQUIRE(lock);
  static_cast<void>(opened(folder / "bytes"));
  CHECK_FALSE(byte_lock::try_lock(opened(folder / "bytes"), 7, ec));
}

TEST_CASE("A byte lock that was moved is held once, and released by its last owner") {
  const temp_folder folder;
  std::error_code ec;
  auto first = byte_lock::try_lock(opened(folder / "bytes"), 7, ec);
  auto second = byte_lock::try_lock(opened(folder / "bytes"), 8, ec);
  REQUIRE((first && second));
  *second = std::move(*first);
  first.reset();
  CHECK_FALSE(byte_lock::try_lock(opened(folder / "bytes"), 7, ec));
  CHECK(byte_lock::try_lock(opened(folder / "bytes"), 8, ec));
  second.reset();
  CHECK(byte_lock::try_lock(opened(folder / "bytes"), 7, ec));
}

TEST_CASE("A locked byte excludes other processes, and is free when its process is killed") {
  const temp_folder folder;
  const auto path = folder / "bytes";
  test::child_process holder([&path](const auto& signal) {
    std::error_code ec;
    const auto lock = byte_lock::try_lock(opened(path), 7, ec);
    signal(lock ? '+' : '-');
  });
  CHECK(holder.next_signal() == '+');
  std::error_code ec;
  CHECK_FALSE(byte_lock::try_lock(opened(path), 7, ec));
  holder.kill();
  CHECK(byte_lock::try_lock(opened(path), 7, ec));
}

TEST_CASE("A byte of a file that is open for reading only cannot be locked: an error, not a held lock") {
  const temp_folder folder;
  std::error_code ec;
  const auto file = std::make_shared<const os::descriptor>(os::open_read(folder.write("bytes", ""), ec));
  CHECK_FALSE(byte_lock::try_lock(file, 7, ec));
  CHECK(ec == std::errc::bad_file_descriptor);
}

TEST_CASE(
    "A lock file that was removed and made anew is locked by its name, not by who still has the old one") {
  const temp_folder folder;
  const auto path = folder / "lock";
  const auto old = locked(path);
  fs::remove(path);
  const auto lock = locked(path);
  CHECK(fs::exists(path));
  CHECK_FALSE(can_lock(path));
}

TEST_CASE("Threads that remove the lock file when they release it still exclude each other") {
  const temp_folder folder;
  const auto path = folder / "lock";
  std::atomic<int> inside = 0, most = 0, turns = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int mine = 0; mine < 50;) {
        std::error_code ec;
        auto lock = file_lock::try_lock(path, lock_mode::exclusive, ec);
        if (!lock) {
          std::this_thread::yield();
          continue;
        }
        lock->remove_on_release();
        if (const int now = ++inside; now > most) most = now;
        ++turns;
        ++mine;
        --inside;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most == 1);
  CHECK(turns == 200);
  CHECK_FALSE(fs::exists(path));
}
