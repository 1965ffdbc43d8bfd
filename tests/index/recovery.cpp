// What becomes of an index whose files are lost, damaged or removed on purpose.
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/os/lock.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>

#include "index/index_folder.hpp"

namespace fs = std::filesystem;

using hubcache::index_condition;
using hubcache::mapped_index;
using test::digest_number;
using test::filled_folder;
using test::found;
using test::log_of;
using test::record_number;
using test::records;
using test::table_of;

namespace {

/// All places of the digests 0 to `count`, in the order in which they are found.
std::vector<std::vector<hubcache::place>> places(const mapped_index& index, std::uint64_t count) {
  std::vector<std::vector<hubcache::place>> result;
  for (std::uint64_t n = 0; n < count; ++n) result.push_back(index.find(digest_number(n)));
  return result;
}

/// An index with a history: replaced, forgotten, moved and dropped places.
constexpr std::uint64_t told = 30;
void tell_history(mapped_index& index) {
  for (std::uint64_t v = 0; v < 5; ++v) {
    for (std::uint64_t n = 0; n < told; ++n) test::insert_one(index, record_number(n, v));
  }
  for (std::uint64_t v = 0; v < 40; ++v) test::insert_one(index, record_number(1, v));
  for (std::uint64_t n = 0; n < told; n += 3) index.forget(digest_number(n), record_number(n, 2).where.path);
  for (std::uint64_t v = 0; v < 5; ++v) index.forget(digest_number(6), record_number(6, v).where.path);
  auto replaced = record_number(2, 1);
  replaced.where.state = hubcache::trust::claimed;
  replaced.where.identity.size += 1;
  test::insert_one(index, replaced);
  index.forget(digest_number(9), record_number(9, 1).where.path);
  test::insert_one(index, record_number(9, 1));
}

}  // namespace

TEST_CASE("an index that lost its table is empty until the next insert, then all is back as it was") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  tell_history(index);
  const auto before = places(index, told);
  const auto size = index.size();
  fs::remove(table_of(folder.path()));
  CHECK(index.size() == 0);
  CHECK(found(mapped_index(folder.path()), told) == 0);
  CHECK(test::insert_one(index, record_number(100)));
  CHECK(places(index, told) == before);
  CHECK(places(mapped_index(folder.path()), told) == before);
  CHECK(index.size() == size + 1);
  CHECK(index.check().condition == index_condition::sound);
}

TEST_CASE("an index that lost its log starts anew") {
  const filled_folder folder(20);
  fs::remove(log_of(folder.path()));
  mapped_index index(folder.path());
  CHECK(index.size() == 0);
  CHECK(index.insert(records(20, 22)) == 2);
  CHECK(found(index, 22) == 2);
}

TEST_CASE("what a scan claims after a loss takes nothing from what was verified before") {
  const test::temp_folder folder;
  auto known = record_number(2);
  known.where.state = hubcache::trust::verified;
  known.where.fingerprint = 5;
  {
    mapped_index index(folder.path());
    test::insert_one(index, known);
  }
  fs::resize_file(table_of(folder.path()), 100);
  mapped_index index(folder.path());
  auto claim = known;
  claim.where.state = hubcache::trust::claimed;
  claim.where.fingerprint = 0;
  CHECK(test::insert_one(index, claim));
  CHECK(index.find(known.name) == std::vector{known.where});
}

TEST_CASE("rebuilding changes nothing that is found and leaves nothing dead") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  const mapped_index reader(folder.path());
  tell_history(index);
  const auto before = places(reader, told);
  CHECK(index.check().dead_bytes > 0);
  CHECK(index.rebuild());
  CHECK(places(index, told) == before);
  CHECK(places(reader, told) == before);
  CHECK(index.rebuild());
  CHECK(places(reader, told) == before);
  const auto report = index.check();
  CHECK(report.condition == index_condition::sound);
  CHECK(report.places == index.size());
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("rebuilding makes a damaged table whole") {
  const filled_folder folder(500);
  {
    const auto table = test::open_table(folder.path());
    std::error_code ec;
    std::uint64_t n = 0;
    for (const auto& [at, value] : test::used_slots(table)) {
      if (++n % 3 == 0) table.store(at, {}, ec);
      if (++n % 3 == 1) table.store(at, {value.mark, value.head + 32}, ec);
    }
  }
  mapped_index index(folder.path());
  CHECK(found(index, 500) < 400);
  CHECK(index.check().condition == index_condition::damaged);
  CHECK(index.rebuild());
  CHECK(found(index, 500) == 500);
  CHECK(index.check().condition == index_condition::sound);
}

TEST_CASE("records in a damaged log are lost one by one") {
  const filled_folder folder(100);
  const auto log = log_of(folder.path());
  for (const std::uint64_t n : {0U, 50U, 99U})
    test::overwrite(log, 64 + test::record_bytes * n + 130, "damage");
  mapped_index index(folder.path());
  CHECK(index.rebuild());
  CHECK(found(index, 100) == 97);
}

TEST_CASE("of several logs, what was written last counts") {
  const test::temp_folder folder;
  auto earlier = record_number(1);
  auto later = record_number(1);
  later.where.identity.size += 1;
  std::error_code ec;
  for (const bool first : {true, false}) {
    const auto path = folder / (first ? "index-v2-b.log" : "index-v2-a.log");
    const auto log = hubcache::record_log::create(path, first ? 11 : 10, ec);
    REQUIRE_FALSE(ec);
    hubcache::log_appender appender(log);
    appender.add(first ? earlier : later, 0);
    appender.add(record_number(first ? 2 : 3), 0);
    if (!first) appender.add(record_number(2), 0, hubcache::record_kind::forgotten);
    appender.flush(ec);
    REQUIRE_FALSE(ec);
    fs::last_write_time(path, fs::file_time_type::clock::now() + std::chrono::seconds(first ? -9 : 0));
  }
  mapped_index index(folder.path());
  CHECK(index.size() == 0);
  CHECK(index.rebuild());
  CHECK(index.find(digest_number(1)) == std::vector{later.where});
  CHECK(index.find(digest_number(2)).empty());
  CHECK(index.find(digest_number(3)).size() == 1);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("no record comes from a log that others may write") {
  const filled_folder folder(3);
  REQUIRE(::chmod(log_of(folder.path()).c_str(), 0622) == 0);
  mapped_index index(folder.path());
  CHECK(index.rebuild());
  CHECK(index.size() == 0);
}

TEST_CASE("an index that cannot be rebuilt stays as it is") {
  const filled_folder folder(2000);
  const auto child = test::in_child([&] {
    test::limit_file_size(200'000);
    mapped_index index(folder.path());
    ::_exit(!index.rebuild() && found(index, 2000) == 2000 ? 0 : 1);
  });
  CHECK(test::succeeded(child));
  CHECK(found(mapped_index(folder.path()), 2000) == 2000);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("a lost table stays lost, and its log stays, while the disk is full") {
  const filled_folder folder(2000);
  fs::remove(table_of(folder.path()));
  const auto child = test::in_child([&] {
    test::limit_file_size(200'000);
    mapped_index index(folder.path());
    ::_exit(index.insert(records(2000, 2001)) == 0 && index.size() == 0 ? 0 : 1);
  });
  CHECK(test::succeeded(child));
  mapped_index index(folder.path());
  CHECK(index.insert(records(2000, 2001)) == 1);
  CHECK(found(index, 2001) == 2001);
}

TEST_CASE("a reset index is empty for everybody, and forgets for good") {
  const filled_folder folder(50);
  mapped_index index(folder.path());
  const mapped_index reader(folder.path());
  CHECK(found(reader, 50) == 50);
  CHECK(index.reset());
  CHECK(found(index, 50) == 0);
  CHECK(found(reader, 50) == 0);
  CHECK(index.size() == 0);
  CHECK(table_of(folder.path()).empty());
  CHECK(log_of(folder.path()).empty());
  CHECK(index.insert(records(0, 2)) == 2);
  CHECK(found(reader, 50) == 2);
}

TEST_CASE("while somebody writes, nothing is rebuilt or reset") {
  const filled_folder folder(5);
  std::error_code ec;
  const auto lock =
      hubcache::os::file_lock::try_lock(folder / "index-v2.lock", hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(lock);
  mapped_index index(folder.path());
  CHECK_FALSE(index.rebuild());
  CHECK_FALSE(index.reset());
  CHECK(found(index, 5) == 5);
}

TEST_CASE("what cannot be written cannot be rebuilt or reset") {
  const test::temp_folder folder;
  mapped_index below_a_file(folder.write("file", "") + "/index");
  CHECK_FALSE(below_a_file.rebuild());
  CHECK_FALSE(below_a_file.reset());
}
