#pragma once
/// @file
/// What every model of `content_index` must do. Call it in a test case of your own:
///
///   TEST_CASE("my_index keeps the contract of content_index") {
///     test::index_conformance([] { return my_index(); });
///   }
///
/// The function returns a new, empty index each time, by value; it need not be movable. Needs doctest and this
/// folder's parent on the include path, which the CMake target hubcache::conformance brings. Nothing is optional.

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/index_ref.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "index/records.hpp"

namespace test {

template <hubcache::content_index I>
bool insert_one(I& index, const hubcache::index_record& record) {
  return index.insert(std::span(&record, 1)) == 1;
}

template <hubcache::content_index I>
std::vector<hubcache::index_record> all_of(const I& index) {
  std::vector<hubcache::index_record> records;
  auto collect = [&records](const hubcache::index_record& record) {
    records.push_back(record);
    return true;
  };
  index.each(collect);
  return records;
}

template <hubcache::content_index I>
void check_empty(I& index) {
  CHECK(index.find(digest_number(1)).empty());
  CHECK(index.size() == 0);
  CHECK(all_of(index).empty());
  index.forget(digest_number(1), "/nowhere");
  CHECK(index.insert({}) == 0);
  CHECK(index.size() == 0);
}

template <hubcache::content_index I>
void check_found_as_inserted(I& index) {
  const std::vector batch{record_number(1), record_number(2), record_number(3)};
  CHECK(index.insert(batch) == 3);
  for (const auto& record : batch) CHECK(index.find(record.name) == std::vector{record.where});
  CHECK(index.find(digest_number(4)).empty());
  CHECK(index.size() == 3);
}

/// A sha256 and a git sha1 of the same leading bytes name different content.
template <hubcache::content_index I>
void check_algorithms_apart(I& index) {
  auto record = record_number(1);
  REQUIRE(insert_one(index, record));
  const auto sha1 = digest_number(1, hubcache::digest_algorithm::git_sha1);
  CHECK(index.find(sha1).empty());
  record.name = sha1;
  record.where.path = "/other";
  REQUIRE(insert_one(index, record));
  CHECK(index.find(sha1) == std::vector{record.where});
  CHECK(index.find(digest_number(1)) == std::vector{record_number(1).where});
}

template <hubcache::content_index I>
void check_newest_first(I& index) {
  for (std::uint64_t v = 0; v < 3; ++v) REQUIRE(insert_one(index, record_number(1, v)));
  CHECK(index.find(digest_number(1)) ==
        std::vector{record_number(1, 2).where, record_number(1, 1).where, record_number(1, 0).where});
  CHECK(index.size() == 3);
}

/// Position `from` of three is replaced.
template <hubcache::content_index I>
void check_replaced(I& index, std::uint64_t from) {
  for (std::uint64_t v = 0; v < 3; ++v) REQUIRE(insert_one(index, record_number(1, v)));
  auto changed = record_number(1, from);
  changed.where.identity.size += 1;
  changed.where.state = hubcache::trust::verified;
  REQUIRE(insert_one(index, changed));
  const auto places = index.find(digest_number(1));
  REQUIRE(places.size() == 3);
  CHECK(places.front() == changed.where);
  CHECK(index.size() == 3);
}

template <hubcache::content_index I>
void check_equal_record_again(I& index) {
  for (int i = 0; i < 20; ++i) CHECK(insert_one(index, record_number(1)));
  CHECK(index.find(digest_number(1)) == std::vector{record_number(1).where});
  CHECK(index.size() == 1);
}

/// A claim takes nothing from what was verified and has not changed; a changed file starts anew.
template <hubcache::content_index I>
void check_merged(I& index) {
  auto known = record_number(1);
  known.where.state = hubcache::trust::verified;
  known.where.fingerprint = 77;
  auto claim = known;
  claim.where.state = hubcache::trust::claimed;
  claim.where.fingerprint = 0;
  REQUIRE(insert_one(index, claim));
  REQUIRE(insert_one(index, known));
  REQUIRE(insert_one(index, claim));
  CHECK(index.find(known.name) == std::vector{known.where});
  claim.where.store = hubcache::mutability::mutable_store;
  REQUIRE(insert_one(index, claim));
  known.where.store = hubcache::mutability::mutable_store;
  CHECK(index.find(known.name) == std::vector{known.where});
  claim.where.identity.mtime_ns += 1;
  REQUIRE(insert_one(index, claim));
  CHECK(index.find(known.name) == std::vector{claim.where});
  CHECK(index.size() == 1);
}

template <hubcache::content_index I>
void check_bounded(I& index) {
  for (std::uint64_t v = 0; v < 40; ++v) REQUIRE(insert_one(index, record_number(1, v)));
  const auto places = index.find(digest_number(1));
  REQUIRE(places.size() == hubcache::max_places);
  for (std::size_t i = 0; i < places.size(); ++i) CHECK(places[i] == record_number(1, 39 - i).where);
}

/// Version `v` of five is forgotten; the others stay in order.
template <hubcache::content_index I>
void check_forgotten(I& index, std::uint64_t v) {
  std::vector<hubcache::place> expected;
  for (std::uint64_t i = 0; i < 5; ++i) {
    REQUIRE(insert_one(index, record_number(1, i)));
    if (i != v) expected.insert(expected.begin(), record_number(1, i).where);
  }
  index.forget(digest_number(1), record_number(1, v).where.path);
  index.forget(digest_number(1), "/not/there");
  index.forget(digest_number(2), record_number(1, v).where.path);
  CHECK(index.find(digest_number(1)) == expected);
  CHECK(index.size() == 4);
  REQUIRE(insert_one(index, record_number(1, v)));
  CHECK(index.find(digest_number(1)).front() == record_number(1, v).where);
}

template <hubcache::content_index I>
void check_all_forgotten(I& index) {
  for (std::uint64_t v = 0; v < 3; ++v) REQUIRE(insert_one(index, record_number(1, v)));
  for (std::uint64_t v = 0; v < 3; ++v) index.forget(digest_number(1), record_number(1, v).where.path);
  CHECK(index.find(digest_number(1)).empty());
  CHECK(all_of(index).empty());
  CHECK(index.size() == 0);
  REQUIRE(insert_one(index, record_number(1)));
  CHECK(index.find(digest_number(1)) == std::vector{record_number(1).where});
}

template <hubcache::content_index I>
void check_each(I& index) {
  std::vector<hubcache::index_record> batch;
  for (std::uint64_t n = 0; n < 100; ++n) batch.push_back(record_number(n / 2, n % 2));
  REQUIRE(index.insert(batch) == 100);
  auto seen = all_of(index);
  CHECK(seen.size() == 100);
  for (const auto& record : batch) CHECK(std::count(seen.begin(), seen.end(), record) == 1);

  int visits = 0;
  auto stop_at_three = [&visits](const hubcache::index_record&) { return ++visits < 3; };
  index.each(stop_at_three);
  CHECK(visits == 3);
}

template <hubcache::content_index I>
void check_many(I& index) {
  constexpr std::uint64_t count = 5000;
  std::vector<hubcache::index_record> batch;
  for (std::uint64_t n = 0; n < count; ++n) batch.push_back(record_number(n));
  CHECK(index.insert(batch) == count);
  CHECK(index.size() == count);
  std::uint64_t right = 0;
  for (const auto& record : batch) right += index.find(record.name) == std::vector{record.where} ? 1U : 0U;
  CHECK(right == count);
}

/// Two writers, two readers: readers see nothing but what was inserted, and everything in the end.
template <hubcache::content_index I>
void check_threads(I& index) {
  constexpr std::uint64_t count = 1000;
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&index, &done, &wrong] {
      for (std::uint64_t n = 0; !done; n = (n + 1) % count) {
        const auto places = index.find(digest_number(n));
        if (!places.empty() && places != std::vector{record_number(n).where}) ++wrong;
        static_cast<void>(index.size());
      }
    });
  }
  const auto write = [&index](std::uint64_t first) {
    for (std::uint64_t n = first; n < count; n += 2) insert_one(index, record_number(n));
  };
  std::thread writer([&write] { write(0); });
  write(1);
  writer.join();
  done = true;
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  for (std::uint64_t n = 0; n < count; ++n) CHECK(index.find(digest_number(n)).size() == 1);
}

template <class MakeIndex>
void index_conformance(MakeIndex make) {
  const auto on_new = [&make](auto check) {
    auto index = make();
    check(index);
  };
  on_new([](auto& index) { check_empty(index); });
  on_new([](auto& index) { check_found_as_inserted(index); });
  on_new([](auto& index) { check_algorithms_apart(index); });
  on_new([](auto& index) { check_newest_first(index); });
  for (std::uint64_t from = 0; from < 3; ++from) {
    on_new([from](auto& index) { check_replaced(index, from); });
  }
  on_new([](auto& index) { check_equal_record_again(index); });
  on_new([](auto& index) { check_merged(index); });
  on_new([](auto& index) { check_bounded(index); });
  for (std::uint64_t v = 0; v < 5; ++v) {
    on_new([v](auto& index) { check_forgotten(index, v); });
  }
  on_new([](auto& index) { check_all_forgotten(index); });
  on_new([](auto& index) { check_each(index); });
  on_new([](auto& index) { check_many(index); });
  on_new([](auto& index) { check_threads(index); });
  on_new([](auto& index) {
    hubcache::index_ref erased(index);
    check_all_forgotten(erased);
    check_each(erased);
  });
}

}  // namespace test
