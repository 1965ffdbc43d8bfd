#include <hubcache/index/slot_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "index/records.hpp"
#include "support/temp_folder.hpp"

using hubcache::index_access;
using hubcache::slot;
using hubcache::slot_table;
using hubcache::table_builder;

namespace {

constexpr hubcache::table_shape shape{10, 77, 88};

/// Builds a table of the slots `sorted`; returns how many it took.
std::uint64_t build(const std::string& path, const std::vector<slot>& sorted,
                    hubcache::table_shape of = shape) {
  std::error_code ec;
  table_builder builder(path, of, ec);
  for (const auto& s : sorted) builder.add(s, ec);
  builder.finish({builder.added(), 5, 6, 7}, ec);
  REQUIRE_FALSE(ec);
  return builder.added();
}

slot_table open(const std::string& path, index_access access = index_access::mapped) {
  std::error_code ec;
  auto table = slot_table::open(path, access, ec);
  REQUIRE_FALSE(ec);
  return table;
}

bool refused(const std::string& path) {
  std::error_code ec;
  static_cast<void>(slot_table::open(path, index_access::mapped, ec));
  return static_cast<bool>(ec);
}

/// The offset that `mark` leads to, or 0.
std::uint64_t look_up(const slot_table& table, std::uint64_t mark) {
  const auto seen = table.find(mark);
  return seen && seen->value.mark == mark ? seen->value.head : 0;
}

}  // namespace

TEST_CASE("no probe leaves the table") {
  for (unsigned log2 = slot_table::min_log2; log2 <= slot_table::max_log2; ++log2) {
    const auto slots = std::uint64_t{1} << log2;
    CHECK(slot_table::home_of(0, slots) == 0);
    CHECK(slot_table::home_of(std::numeric_limits<std::uint64_t>::max(), slots) + slot_table::probe_bound ==
          slots);
  }
}

TEST_CASE("every slot given to a builder is found by probing") {
  const test::temp_folder folder;
  for (const unsigned log2 : {10U, 11U, 18U}) {
    auto of = shape;
    of.log2_slots = log2;
    std::vector<slot> slots;
    for (std::uint64_t n = 0; n < 650; ++n) {
      std::uint64_t mark = 0;
      std::memcpy(&mark, test::digest_number(n).bytes().data(), sizeof mark);
      slots.push_back({mark | 1U, 64 + 32 * n});
    }
    std::sort(slots.begin(), slots.end(), [](const slot& a, const slot& b) { return a.mark < b.mark; });
    const auto path = folder / std::to_string(log2);
    CHECK(build(path, slots, of) == slots.size());
    for (const auto access : {index_access::mapped, index_access::copied}) {
      const auto table = open(path, access);
      CHECK(table.slots() == std::uint64_t{1} << log2);
      for (const auto& s : slots) CHECK(look_up(table, s.mark) == s.head);
      CHECK(look_up(table, 12345) == 0);
      std::size_t used = 0;
      table.each([&used](const hubcache::seen_slot& seen) { used += seen.value.mark != 0 ? 1U : 0U; });
      CHECK(used == slots.size());
    }
  }
}

TEST_CASE("a builder drops what would lie beyond the probe bound") {
  const test::temp_folder folder;
  const std::vector<slot> same_home(400, {std::numeric_limits<std::uint64_t>::max(), 64});
  CHECK(build(folder / "table", same_home) == slot_table::probe_bound);
}

TEST_CASE("a stored slot is found in every opened table") {
  const test::temp_folder folder;
  build(folder / "table", {});
  const auto one = open(folder / "table");
  const auto mapped = open(folder / "table");
  const auto copied = open(folder / "table", index_access::copied);
  const auto free = one.find(7);
  REQUIRE(free);
  CHECK(free->value.mark == 0);
  std::error_code ec;
  one.store(free->at, {7, 64}, ec);
  REQUIRE_FALSE(ec);
  CHECK(look_up(mapped, 7) == 64);
  CHECK(look_up(copied, 7) == 64);
  CHECK(look_up(mapped, 9) == 0);
  one.store_counts({1, 2, 3, 4}, ec);
  CHECK(mapped.counts().live == 2);
  CHECK(copied.counts().log == 4);
}

TEST_CASE("slots that are not stored yet are found before those that are") {
  const test::temp_folder folder;
  build(folder / "table", {});
  const auto table = open(folder / "table");
  hubcache::slot_changes changes;
  for (std::uint64_t mark = 1; mark < 40; mark += 2) {  // all have one home
    const auto free = table.find(mark, &changes);
    REQUIRE(free);
    CHECK(free->value.mark == 0);
    changes[free->at] = {mark, 64 * mark};
  }
  CHECK(changes.size() == 20);
  for (std::uint64_t mark = 1; mark < 40; mark += 2) {
    CHECK(table.find(mark, &changes)->value.head == 64 * mark);
    CHECK(look_up(table, mark) == 0);
  }
}

TEST_CASE("counts from disk are cut to what can be") {
  const test::temp_folder folder;
  build(folder / "table", {});
  const auto table = open(folder / "table");
  std::error_code ec;
  const auto all_ones = std::numeric_limits<std::uint64_t>::max();
  table.store_counts({all_ones, all_ones, all_ones, 0}, ec);
  CHECK(table.counts().used == 1024);
  CHECK(table.counts().live == 1024 * 16);
  CHECK(table.counts().dead < all_ones / 2);
}

TEST_CASE("the mark of a digest depends on seed and algorithm") {
  const test::temp_folder folder;
  build(folder / "one", {});
  build(folder / "two", {}, {10, 78, 88});
  const auto one = open(folder / "one");
  const auto name = test::digest_number(1);
  CHECK(one.mark_of(name) == one.mark_of(name));
  CHECK(one.mark_of(name) != open(folder / "two").mark_of(name));
  CHECK(one.mark_of(name) != one.mark_of(test::digest_number(1, hubcache::digest_algorithm::git_sha1)));
}

TEST_CASE("a table is superseded when another file takes its name") {
  const test::temp_folder folder;
  build(folder / "table", {});
  build(folder / "next", {});
  const auto table = open(folder / "table");
  const auto other = open(folder / "table", index_access::copied);
  CHECK_FALSE(table.superseded());
  CHECK_FALSE(table.retired());
  std::error_code ec;
  other.retire(ec);
  CHECK(table.retired());
  CHECK(other.retired());
  CHECK_FALSE(table.superseded());
  std::filesystem::rename(folder / "next", folder / "table");
  CHECK(table.superseded());
  CHECK_FALSE(open(folder / "table").superseded());
  CHECK_FALSE(open(folder / "table").retired());
}

TEST_CASE("a table of any other size than its head says is refused") {
  const test::temp_folder folder;
  build(folder / "table", {});
  const auto bytes = test::read_file(folder / "table");
  for (const std::size_t size : {0UL, 1UL, 63UL, 64UL, 4095UL, 4096UL, 4112UL, bytes.size() - 1}) {
    CHECK(refused(folder.write("short", std::string_view(bytes).substr(0, size))));
  }
  CHECK(refused(folder.write("long", bytes + "x")));
  CHECK(refused(folder.write("double", bytes + bytes.substr(4096))));
  CHECK_FALSE(refused(folder.write("same", bytes)));
}

TEST_CASE("a table with any changed bit in its head is refused") {
  const test::temp_folder folder;
  build(folder / "table", {});
  const auto bytes = test::read_file(folder / "table");
  for (std::size_t bit = 0; bit < 64 * 8; ++bit) {
    auto changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    CHECK(refused(folder.write("changed" + std::to_string(bit), changed)));
  }
}
