#include <hubcache/index/mapped_index.hpp>
#include <hubcache/os/lock.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <limits>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "conformance/content_index.hpp"
#include "index/index_folder.hpp"
#include "support/temp_folder.hpp"

namespace fs = std::filesystem;

using hubcache::index_access;
using hubcache::mapped_index;
using test::digest_number;
using test::filled_folder;
using test::found;
using test::in_child;
using test::log_of;
using test::open_table;
using test::record_number;
using test::records;
using test::succeeded;
using test::table_of;

TEST_CASE("mapped_index keeps the contract of content_index, however its files are read") {
  std::deque<test::temp_folder> folders;
  for (const auto access : {index_access::mapped, index_access::copied}) {
    test::index_conformance(
        [&folders, access] { return mapped_index(folders.emplace_back() / "index", access); });
  }
}

TEST_CASE("a mapped_index touches nothing until the first insert, then makes a private folder") {
  const test::temp_folder folder;
  const auto path = folder / "state/index";
  {
    mapped_index index(path);
    CHECK(index.find(digest_number(1)).empty());
    index.forget(digest_number(1), "/x");
    index.flush();
    CHECK_FALSE(fs::exists(folder / "state"));
    CHECK(test::insert_one(index, record_number(1)));
  }
  std::error_code ec;
  CHECK(hubcache::os::status(path, ec).mode == 0700);
  CHECK(hubcache::os::status(table_of(path), ec).mode == 0600);
  CHECK(hubcache::os::status(log_of(path), ec).mode == 0600);
}

TEST_CASE("records outlive the object, and other objects see them at once") {
  const test::temp_folder folder;
  const mapped_index early(folder.path());
  CHECK(found(early, 10) == 0);
  {
    mapped_index index(folder.path());
    index.insert(records(0, 10));
    CHECK(found(early, 10) == 10);
    index.forget(digest_number(3), record_number(3).where.path);
  }
  CHECK(found(early, 10) == 9);
  CHECK(found(mapped_index(folder.path()), 10) == 9);
  CHECK(mapped_index(folder.path()).size() == 9);
}

TEST_CASE("records that a forked process inserts are found by its parent, and the reverse") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  index.insert(records(0, 100, 2));
  const auto child = in_child([&] {
    mapped_index own(folder.path());
    own.insert(records(1, 100, 2));
    index.insert(records(100, 101));
    if (found(own, 101) != 101) ::_exit(1);
  });
  CHECK(succeeded(child));
  CHECK(found(index, 101) == 101);
}

TEST_CASE("an open index follows another one through many generations") {
  const test::temp_folder folder;
  mapped_index writer(folder.path());
  writer.insert(records(0, 1));
  const mapped_index reader(folder.path());
  CHECK(found(reader, 1) == 1);
  const auto first = fs::file_size(table_of(folder.path()));
  CHECK(writer.insert(records(0, 30'000)) == 30'000);
  CHECK(fs::file_size(table_of(folder.path())) > 8 * first);
  CHECK(found(reader, 30'000) == 30'000);
  CHECK(reader.size() == 30'000);
  CHECK(test::all_of(reader).size() == 30'000);
  // The table, the log and the lock; nothing left over.
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("many readers in threads and in another process find what is complete while tables grow") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  index.insert(records(0, 500));
  const auto child = in_child([&] {
    const mapped_index own(folder.path());
    for (int round = 0; round < 40; ++round) {
      if (found(own, 500) != 500) ::_exit(1);
    }
  });
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  const mapped_index copied(folder.path(), index_access::copied);
  std::vector<std::thread> readers;
  for (const auto* of : std::vector<const mapped_index*>{&index, &index, &index, &copied}) {
    readers.emplace_back([&done, &wrong, of] {
      while (!done) wrong += found(*of, 500) == 500 ? 0 : 1;
    });
  }
  for (std::uint64_t n = 500; n < 12'000; n += 100) index.insert(records(n, n + 100));
  CHECK(index.rebuild());
  done = true;
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(succeeded(child));
  CHECK(found(copied, 12'000) == 12'000);
}

TEST_CASE("a visitor may change the index that it visits") {
  const filled_folder folder(100);
  mapped_index index(folder.path());
  for (std::uint64_t n = 0; n < 100; ++n) test::insert_one(index, record_number(n, 1));
  std::uint64_t seen = 0;
  index.each([&](const hubcache::index_record& record) {
    ++seen;
    index.forget(record.name, record.where.path);
    return true;
  });
  CHECK(seen == 200);
  CHECK(index.size() == 0);
  CHECK(test::all_of(index).empty());
}

TEST_CASE("a log that is mostly dead records is written anew") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  const mapped_index reader(folder.path());
  index.insert(records(0, 100));
  constexpr std::uint64_t sets = 200;
  for (std::uint64_t v = 0; v < sets; ++v) {
    auto batch = records(0, 100);
    for (auto& record : batch) record.where.identity.size = v;
    index.insert(batch);
  }
  CHECK(fs::file_size(log_of(folder.path())) < 3U << 20U);
  CHECK(index.size() == 100);
  for (std::uint64_t n = 0; n < 100; ++n) {
    const auto places = reader.find(digest_number(n));
    REQUIRE(places.size() == 1);
    CHECK(places.front().identity.size == sets - 1);
  }
}

TEST_CASE("chains keep their order when the log is written anew") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  for (std::uint64_t v = 0; v < 5; ++v) test::insert_one(index, record_number(1, v));
  const auto log = log_of(folder.path());
  auto other = record_number(2);
  for (std::uint64_t size = 0; fs::exists(log) && size < 20'000; ++size) {
    std::vector<hubcache::index_record> batch;
    for (int i = 0; i < 1000; ++i) {
      other.where.identity.size = ++size;
      batch.push_back(other);
    }
    index.insert(batch);
  }
  REQUIRE_FALSE(fs::exists(log));
  const auto places = mapped_index(folder.path()).find(digest_number(1));
  REQUIRE(places.size() == 5);
  for (std::uint64_t v = 0; v < 5; ++v) CHECK(places[v] == record_number(1, 4 - v).where);
}

TEST_CASE("while somebody else writes, records are kept and stored at the next insert") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  index.insert(records(0, 2));
  std::error_code ec;
  auto lock =
      hubcache::os::file_lock::try_lock(folder / "index-v2.lock", hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(lock);
  CHECK(index.insert(records(2, 5)) == 0);
  index.forget(digest_number(0), record_number(0).where.path);
  CHECK(found(index, 6) == 2);
  lock.reset();
  CHECK(index.insert(records(5, 6)) == 1);
  CHECK(found(index, 6) == 5);
  CHECK(index.find(digest_number(0)).empty());
}

TEST_CASE("kept records are written at the end if the lock is free by then, and dropped soon if it is not") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto lock_file = folder / "index-v2.lock";
  for (const bool freed : {true, false}) {
    auto lock = hubcache::os::file_lock::try_lock(lock_file, hubcache::os::lock_mode::exclusive, ec);
    REQUIRE(lock);
    const auto start = std::chrono::steady_clock::now();
    {
      mapped_index index(folder.path());
      index.insert(records(freed ? 0 : 1, freed ? 1 : 2));
      if (freed) lock.reset();
    }
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::minutes(1));
  }
  const mapped_index index(folder.path());
  CHECK(index.find(digest_number(0)).size() == 1);
  CHECK(index.find(digest_number(1)).empty());
}

TEST_CASE("an index that cannot be written stores nothing and says so") {
  const test::temp_folder folder;
  mapped_index below_a_file(folder.write("file", "") + "/index");
  CHECK(below_a_file.insert(records(0, 3)) == 0);
  CHECK(found(below_a_file, 3) == 0);
  CHECK(below_a_file.size() == 0);
}

TEST_CASE("a record with a path that the log does not take is skipped") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  auto batch = records(0, 3);
  batch[1].where.path = "relative";
  CHECK(index.insert(batch) == 2);
  CHECK(index.find(digest_number(1)).empty());
  CHECK(found(index, 3) == 2);
}

TEST_CASE("when the disk is full, what was stored stays and what was not is not counted") {
  const filled_folder folder(10);
  constexpr std::uint64_t count = 20'000;
  const auto child = in_child([&] {
    test::limit_file_size(2'500'000);
    mapped_index index(folder.path());
    const auto stored = index.insert(records(10, count));
    const auto hits = found(index, count);
    ::_exit(stored > 0 && stored < count - 10 && hits == static_cast<int>(stored) + 10 ? 0 : 1);
  });
  CHECK(succeeded(child));
  mapped_index index(folder.path());
  CHECK(index.insert(records(0, count)) == count);
  CHECK(found(index, count) == count);
}

TEST_CASE("a log that cannot be written anew stays in use") {
  const filled_folder folder(1500);
  const auto log = log_of(folder.path());
  const auto child = in_child([&] {
    test::change_counts(folder.path(), [](hubcache::table_counts& counts) { counts.dead = 1U << 24U; });
    test::limit_file_size(200'000);
    mapped_index index(folder.path());
    ::_exit(index.insert(records(0, 1)) == 1 && found(index, 1500) == 1500 ? 0 : 1);
  });
  CHECK(succeeded(child));
  CHECK(log_of(folder.path()) == log);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 3);
  mapped_index index(folder.path());
  CHECK(index.insert(records(0, 1)) == 1);
  CHECK(log_of(folder.path()) != log);
  CHECK(found(index, 1500) == 1500);
}

TEST_CASE("an index goes on after its folder was removed") {
  const test::temp_folder folder;
  mapped_index index(folder / "index");
  index.insert(records(0, 3));
  fs::remove_all(folder / "index");
  CHECK(index.size() == 0);
  CHECK(found(index, 3) == 0);
  CHECK(index.insert(records(0, 3)) == 3);
  CHECK(found(mapped_index(folder / "index"), 3) == 3);
}

TEST_CASE("writable by others, or another user's, a file is ignored and replaced by the next writer") {
  const auto by_group = [](const char* path) { return ::chmod(path, 0620) == 0; };
  const auto by_others = [](const char* path) { return ::chmod(path, 0602) == 0; };
  const auto foreign = [](const char* path) { return ::chown(path, 12345, static_cast<gid_t>(-1)) == 0; };
  for (bool (*const expose)(const char*) : {+by_group, +by_others, +foreign}) {
    for (const bool log : {false, true}) {
      const filled_folder folder(3);
      const auto path = log ? log_of(folder.path()) : table_of(folder.path());
      if (!expose(path.c_str())) continue;  // only root gives files away
      mapped_index index(folder.path());
      CHECK(found(index, 3) == 0);
      CHECK(index.insert(records(1, 2)) == 1);
      CHECK(found(index, 3) == (log ? 1 : 3));  // a table is made again from its log
      std::error_code ec;
      CHECK(hubcache::os::status(table_of(folder.path()), ec).mode == 0600);
    }
  }
}

TEST_CASE("a symlink in place of a file is not followed, and is replaced by the next writer") {
  const filled_folder folder(3);
  const auto table = table_of(folder.path());
  fs::rename(table, folder / "target");
  fs::create_symlink(folder / "target", table);
  const auto before = test::read_file(folder / "target");
  mapped_index index(folder.path());
  CHECK(found(index, 3) == 0);
  CHECK(index.insert(records(1, 2)) == 1);
  CHECK(found(index, 3) == 3);
  CHECK(fs::is_regular_file(fs::symlink_status(table)));
  CHECK(test::read_file(folder / "target") == before);
}

TEST_CASE("files of other versions and of others are left alone") {
  const test::temp_folder folder;
  for (const auto* name : {"index-v1.table", "index-v1-abc.log", "index-v20-abc.log", "notes"})
    folder.write(name, "theirs");
  folder.write("index-v2-0123.log", "left over");
  mapped_index index(folder.path());
  index.insert(records(0, 5000));
  CHECK(found(index, 5000) == 5000);
  for (const auto* name : {"index-v1.table", "index-v1-abc.log", "index-v20-abc.log", "notes"}) {
    CHECK(test::read_file(folder / name) == "theirs");
  }
  CHECK_FALSE(fs::exists(folder / "index-v2-0123.log"));
}

TEST_CASE("cut to any length before it is opened, a log is ignored until what is left of it is saved") {
  const filled_folder folder(40);
  const auto log = log_of(folder.path());
  for (auto size = fs::file_size(log); size-- > 0;) {
    if (size % 32 > 1 && size > 300) continue;
    fs::resize_file(log, size);
    const test::temp_folder copy(test::quick_place());
    fs::copy(folder.path(), copy.path(), fs::copy_options::recursive);
    mapped_index index(copy.path());
    CHECK(found(index, 40) == 0);
    CHECK(index.size() == 0);
    CHECK(index.insert(records(40, 41)) == 1);
    const auto whole = size < 64 ? 0 : (size - 64) / test::record_bytes;
    CHECK(found(index, 41) == static_cast<int>(whole) + 1);
  }
}

TEST_CASE("cut to any length unnoticed, a log costs records and gives no wrong ones") {
  const filled_folder folder(40);
  test::change_counts(folder.path(), [](hubcache::table_counts& counts) { counts.log = 0; });
  const auto log = log_of(folder.path());
  for (auto size = fs::file_size(log); size-- > 0;) {
    if (size % 32 > 1 && size > 300) continue;
    fs::resize_file(log, size);
    const mapped_index index(folder.path());
    const auto hits = found(index, 40);
    CHECK(hits >= 0);
    CHECK(hits <= 40);
    CHECK(test::all_genuine(index));
  }
  mapped_index index(folder.path());
  CHECK(index.insert(records(0, 40)) == 40);
  CHECK(found(index, 40) == 40);
}

TEST_CASE("files cut while they are open cost records only, where they are copied") {
  const filled_folder folder(40);
  const mapped_index index(folder.path(), index_access::copied);
  REQUIRE(found(index, 40) == 40);
  const auto log = log_of(folder.path());
  for (auto size = fs::file_size(log); size > 1000; size -= 999) {
    fs::resize_file(log, size);
    CHECK(found(index, 40) >= 0);
  }
  CHECK(found(index, 40) < 10);
  const auto table = table_of(folder.path());
  for (auto size = fs::file_size(table); size > 1000; size -= 999) {
    fs::resize_file(table, size);
    CHECK(found(index, 40) >= 0);
  }
}

TEST_CASE("a table cut or extended is ignored and replaced by the next writer") {
  for (const std::uintmax_t size : {0U, 1U, 64U, 4095U, 4096U, 4112U, 16384U, 20479U, 20481U, 36864U}) {
    const filled_folder folder(3);
    const auto table = table_of(folder.path());
    REQUIRE(fs::file_size(table) == 4096 + 16384);
    fs::resize_file(table, size);
    mapped_index index(folder.path());
    CHECK(found(index, 3) == 0);
    CHECK(index.size() == 0);
    CHECK(index.insert(records(0, 3)) == 3);
    CHECK(found(index, 3) == 3);
  }
}

TEST_CASE("thousands of random bytes in table and log give no wrong answer") {
  const filled_folder folder(300);
  std::mt19937 random(1);  // NOLINT: repeatable
  const auto table = table_of(folder.path());
  const auto log = log_of(folder.path());
  const mapped_index open_all_along(folder.path());
  const auto table_size = fs::file_size(table);
  const auto log_size = fs::file_size(log);
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 100; ++i) {
      const bool in_log = random() % 2 == 0;
      const std::string byte(1, static_cast<char>(random()));
      test::overwrite(in_log ? log : table, random() % (in_log ? log_size : table_size), byte);
    }
    CHECK(found(open_all_along, 300) >= 0);
    CHECK(test::all_genuine(open_all_along));
    const mapped_index fresh(folder.path());
    CHECK(found(fresh, 300) >= 0);
  }
  mapped_index writer(folder.path());
  CHECK(writer.insert(records(0, 300)) == 300);
  CHECK(found(writer, 300) >= 300);
}

TEST_CASE("slots with impossible offsets are misses, for readers and writers") {
  for (const auto head :
       {std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 62U, std::uint64_t{1} << 63U,
        ~std::uint64_t{31}, std::uint64_t{1}, std::uint64_t{32}, std::uint64_t{63}, std::uint64_t{65}}) {
    const filled_folder folder(20);
    std::error_code ec;
    const auto table = open_table(folder.path());
    for (const auto& [at, have] : test::used_slots(table)) table.store(at, {have.mark, head}, ec);
    mapped_index index(folder.path());
    CHECK(found(index, 20) == 0);
    CHECK(test::all_of(index).empty());
    index.forget(digest_number(1), record_number(1).where.path);
    CHECK(index.insert(records(0, 20)) == 20);
    CHECK(found(index, 20) == 20);
  }
}

TEST_CASE("a slot that shows another digest's records gives no wrong answer") {
  const filled_folder folder(2);
  std::error_code ec;
  const auto table = open_table(folder.path());
  const auto used = test::used_slots(table);
  REQUIRE(used.size() == 2);
  table.store(used[0].at, {used[0].value.mark, used[1].value.head}, ec);
  mapped_index index(folder.path());
  CHECK(found(index, 2) == 1);
  CHECK(test::all_of(index).size() == 1);
  CHECK(index.insert(records(0, 2)) == 2);
  CHECK(found(index, 2) == 2);
}

TEST_CASE("a path that two writers put into one chain is found once, as it was last") {
  const filled_folder folder(1);
  std::error_code ec;
  auto later = record_number(0);
  later.where.identity.size = 5;
  const auto table = open_table(folder.path());
  const auto log = hubcache::record_log::open(log_of(folder.path()), index_access::copied, ec);
  REQUIRE_FALSE(ec);
  const auto [at, have] = test::used_slots(table).front();
  hubcache::log_appender appender(log);
  const auto end = appender.add(later, have.head);
  appender.flush(ec);
  table.store(at, {have.mark, end}, ec);
  CHECK(mapped_index(folder.path()).find(digest_number(0)) == std::vector{later.where});
}

TEST_CASE("a table without any free slot ends every probe and is outgrown") {
  const filled_folder folder(3);
  std::error_code ec;
  const auto table = open_table(folder.path());
  for (std::uint64_t at = 0; at < table.slots(); ++at) table.store(at, {2 * at + 1, 64}, ec);
  mapped_index index(folder.path());
  CHECK(found(index, 3) == 0);
  CHECK(index.insert(records(0, 3)) == 3);
  CHECK(found(index, 3) == 3);
  CHECK(test::all_genuine(index));
}

TEST_CASE("a writer killed before it stored the slot leaves no trace but a longer log") {
  const filled_folder folder(3);
  const auto log = log_of(folder.path());
  for (const std::size_t size : {1U, 31U, 32U, 104U, 500U}) {
    test::overwrite(log, fs::file_size(log), std::string(size, 'x'));
    mapped_index index(folder.path());
    CHECK(found(index, 3) == 3);
    CHECK(test::insert_one(index, record_number(4)));
    CHECK(index.find(digest_number(4)) == std::vector{record_number(4).where});
    index.forget(digest_number(4), record_number(4).where.path);
  }
}
