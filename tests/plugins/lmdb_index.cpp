#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <fstream>
#include <lmdb.h>
#include <lmdb_index.hpp>
#include <thread>

#include "conformance/content_index.hpp"
#include "support/child_process.hpp"
#include "support/temp_folder.hpp"

using hubcache::errc;
using plugins::lmdb_index;
using test::digest_number;
using test::record_number;

namespace {

/// In memory: every insert is synced.
std::filesystem::path quick_place() {
  return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
}

struct quick_folder : test::temp_folder {
  quick_folder() : temp_folder(quick_place()) {}
  [[nodiscard]] std::string data() const { return *this / "data.mdb"; }
};

std::vector<hubcache::index_record> records(std::uint64_t first, std::uint64_t end) {
  std::vector<hubcache::index_record> batch;
  for (auto n = first; n < end; ++n) batch.push_back(record_number(n));
  return batch;
}

/// How many of the records 0 to `end` are found; -1 if anything else is.
int found(const lmdb_index& index, std::uint64_t end) {
  int count = 0;
  for (std::uint64_t n = 0; n < end; ++n) {
    const auto places = index.find(digest_number(n));
    if (!places.empty() && places != std::vector{record_number(n).where}) return -1;
    count += places.empty() ? 0 : 1;
  }
  return count;
}

std::optional<hubcache::error> failure(const std::string& folder) {
  try {
    const lmdb_index index(folder);
  } catch (const hubcache::error& e) {
    return e;
  }
  return std::nullopt;
}

constexpr std::size_t small_map = 64 * 1024;

}  // namespace

TEST_CASE("lmdb_index keeps the contract of content_index") {
  std::deque<quick_folder> folders;
  test::index_conformance([&folders] { return lmdb_index(folders.emplace_back() / "index"); });
}

TEST_CASE("lmdb_index remembers what it was told, readable by its user only") {
  const quick_folder folder;
  CHECK(lmdb_index(folder.path()).insert(records(0, 10)) == 10);
  const lmdb_index again(folder.path());
  CHECK(found(again, 10) == 10);
  CHECK(again.size() == 10);
  std::error_code ec;
  CHECK((hubcache::os::status(folder.data(), ec).mode & 0077U) == 0);
}

TEST_CASE("a map that is full grows, while other threads read") {
  const quick_folder folder;
  lmdb_index index(folder.path(), small_map);
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) wrong += found(index, 20) < 0 ? 1 : 0;
    });
  }
  for (std::uint64_t n = 0; n < 4000; n += 100) CHECK(index.insert(records(n, n + 100)) == 100);
  done = true;
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(found(index, 4000) == 4000);
  CHECK(std::filesystem::file_size(folder.data()) > 4 * small_map);
}

TEST_CASE("processes share the file, also when one makes it larger than another has mapped") {
  const quick_folder folder;
  test::child_process other([&](const test::child_process::signal& tell) {
    lmdb_index index(folder.path(), small_map);
    tell(index.insert(records(0, 4000)) == 4000 ? '+' : '-');
  });
  lmdb_index index(folder.path(), small_map);
  CHECK(index.insert(records(4000, 4001)) == 1);
  REQUIRE(other.next_signal() == '+');
  CHECK(found(index, 4001) == 4001);  // the other one is still there
  CHECK(index.size() == 4001);
}

TEST_CASE("a writer that is killed loses nothing that was stored, and leaves nothing locked") {
  const quick_folder folder;
  for (std::uint64_t round = 0; round < 10; ++round) {
    test::child_process writer([&](const test::child_process::signal&) {
      lmdb_index index(folder.path(), small_map);
      for (std::uint64_t n = 0;; n = (n + 7) % 3000) {
        index.insert(records(n, n + 7));
        index.forget(digest_number(n), record_number(n).where.path);
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(2 + 3 * round));
    writer.kill();
    lmdb_index index(folder.path(), small_map);
    CHECK(found(index, 3010) >= 0);
    CHECK(index.insert(records(5000 + round, 5001 + round)) == 1);
    for (std::uint64_t n = 5000; n <= 5000 + round; ++n) CHECK(index.find(digest_number(n)).size() == 1);
  }
}

TEST_CASE("a visitor may change the index that it visits") {
  const quick_folder folder;
  lmdb_index index(folder.path(), small_map);
  index.insert(records(0, 1000));
  std::uint64_t visits = 0;
  auto replace = [&](const hubcache::index_record& record) {
    ++visits;
    index.forget(record.name, record.where.path);
    return true;
  };
  index.each(replace);
  CHECK(visits == 1000);
  CHECK(index.size() == 0);
}

TEST_CASE(
    "a file that is no database, is one of another program, or may be written by others is refused by name") {
  const quick_folder folder;
  const std::string name = "data.mdb";
  folder.write(name, std::string(20'000, 'x'));
  const auto garbage = failure(folder.path());
  REQUIRE(garbage);
  CHECK(garbage->reason() == errc::refused);
  CHECK(garbage->context().file == folder.data());
  CHECK(garbage->detail().find("remove it, or choose another folder") != std::string::npos);

  const quick_folder foreign;
  MDB_env* environment = nullptr;
  REQUIRE(::mdb_env_create(&environment) == 0);
  REQUIRE(::mdb_env_open(environment, foreign.path().c_str(), 0, 0600) == 0);
  MDB_txn* open = nullptr;
  MDB_dbi table = 0;
  REQUIRE(::mdb_txn_begin(environment, nullptr, 0, &open) == 0);
  REQUIRE(::mdb_dbi_open(open, nullptr, 0, &table) == 0);
  MDB_val key{5, const_cast<char*>("other")};
  REQUIRE(::mdb_put(open, table, &key, &key, 0) == 0);
  REQUIRE(::mdb_txn_commit(open) == 0);
  ::mdb_env_close(environment);
  CHECK(failure(foreign.path())->reason() == errc::refused);

  const quick_folder shared;
  lmdb_index(shared.path()).insert(records(0, 1));
  std::filesystem::permissions(shared.data(), std::filesystem::perms(0666));
  CHECK(failure(shared.path())->detail().find("others may write to it") == 0);
}

TEST_CASE("a folder that cannot be made is an error that names it") {
  const quick_folder folder;
  const auto file = folder.write("file", "");
  const auto refused = failure(file + "/index");
  REQUIRE(refused);
  CHECK(refused->reason() == errc::disk_failed);
  CHECK(std::string(refused->what()).find(file) != std::string::npos);
}

TEST_CASE("a record that is damaged is a miss, and is stored anew") {
  const quick_folder folder;
  lmdb_index(folder.path()).insert(records(0, 100));
  auto bytes = test::read_file(folder.data());
  const auto path = record_number(50).where.path;
  for (auto at = bytes.find(path); at != bytes.npos; at = bytes.find(path, at + 1)) bytes[at + 7] = '#';
  std::ofstream(folder.data(), std::ios::binary) << bytes;
  lmdb_index index(folder.path());
  CHECK(found(index, 100) == 99);
  CHECK(index.insert(records(50, 51)) == 1);
  CHECK(found(index, 100) == 100);
}

TEST_CASE("a file that was cut anywhere is refused before LMDB reads its pages") {
  const quick_folder whole;
  lmdb_index(whole.path()).insert(records(0, 400));
  const auto bytes = test::read_file(whole.data());
  for (std::size_t size = 100; size < bytes.size(); size += 3 * 4096 - 100) {
    const quick_folder cut;
    std::ofstream(cut.data(), std::ios::binary) << bytes.substr(0, size);
    std::filesystem::permissions(cut.data(), std::filesystem::perms(0600));
    const auto refused = failure(cut.path());
    REQUIRE(refused);
    CHECK(refused->reason() == errc::refused);
  }
}
