#include <hubcache/index/index_report.hpp>
#include <hubcache/index/mapped_index.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include "index/index_folder.hpp"

namespace fs = std::filesystem;

using hubcache::index_condition;
using hubcache::mapped_index;
using test::digest_number;
using test::filled_folder;
using test::log_of;
using test::record_number;
using test::records;
using test::table_of;

/// A used slot that touches no other, a free place that touches none, and the value: which entries touch each other is
/// up to the table's random seed.
struct lonely_slot {
  explicit lonely_slot(const hubcache::slot_table& table) {
    const auto used = test::used_slots(table);
    const auto touches = [&](std::uint64_t at, std::uint64_t but) {
      return std::any_of(used.begin(), used.end(), [&](const auto& other) {
        return other.at != but && (other.at > at ? other.at - at : at - other.at) < 2;
      });
    };
    const auto found =
        std::find_if(used.begin(), used.end(), [&](const auto& one) { return !touches(one.at, one.at); });
    REQUIRE(found != used.end());
    home = found->at;
    moved = found->value;
    while (elsewhere == home || touches(elsewhere, table.slots())) ++elsewhere;
    REQUIRE(elsewhere < table.slots());
  }

  std::uint64_t home = 0;
  std::uint64_t elsewhere = 0;
  hubcache::slot moved;
};

TEST_CASE("where there is no index, the report says so and nothing is made") {
  const test::temp_folder folder;
  const auto report = mapped_index(folder / "index").check();
  CHECK(report.condition == index_condition::none);
  CHECK(report.load() == 0);
  CHECK(report.dead_share() == 0);
  CHECK_FALSE(fs::exists(folder / "index"));
  folder.write("index-v2.lock", "");
  CHECK(mapped_index(folder.path()).check().condition == index_condition::none);
}

TEST_CASE("the report counts entries, places and their trust, and every byte") {
  const filled_folder folder(100);
  mapped_index index(folder.path());
  for (std::uint64_t n = 0; n < 10; ++n) test::insert_one(index, record_number(n, 1));
  const auto report = index.check();
  CHECK(report.condition == index_condition::sound);
  CHECK(report.entries == 100);
  CHECK(report.places == 110);
  CHECK(report.verified == 55);       // of even number
  CHECK(report.fingerprinted == 72);  // not a multiple of three
  CHECK(report.damaged_slots == 0);
  CHECK(report.lost_slots == 0);
  CHECK(report.unreachable == 0);
  CHECK(report.slots == 1024);
  CHECK(report.used_slots == 100);
  CHECK(report.table_bytes == fs::file_size(table_of(folder.path())));
  CHECK(report.log_bytes == fs::file_size(log_of(folder.path())));
  CHECK(report.dead_bytes == 0);
  CHECK(report.load() == doctest::Approx(100 / 1024.0));
}

TEST_CASE("replaced and forgotten records are dead bytes, and no damage") {
  const filled_folder folder(10);
  mapped_index index(folder.path());
  auto changed = record_number(1);
  changed.where.identity.size += 1;
  test::insert_one(index, changed);
  index.forget(digest_number(2), record_number(2).where.path);
  const auto report = index.check();
  CHECK(report.condition == index_condition::sound);
  CHECK(report.entries == 9);
  CHECK(report.places == 9);
  CHECK(report.used_slots == 10);
  CHECK(report.unreachable == 2);
  CHECK(report.dead_bytes == 3 * test::record_bytes);  // the two, and the record that one is forgotten
  CHECK(report.dead_share() == doctest::Approx(3.0 / 12.0).epsilon(0.05));
}

TEST_CASE("a slot whose record does not check out is damage") {
  const filled_folder folder(10);
  test::overwrite(log_of(folder.path()), 64 + 3 * test::record_bytes + 40, "damage");
  const auto report = mapped_index(folder.path()).check();
  CHECK(report.condition == index_condition::damaged);
  CHECK(report.damaged_slots == 1);
  CHECK(report.entries == 9);
}

TEST_CASE("a chain that breaks off is damage") {
  const filled_folder folder(1);
  mapped_index index(folder.path());
  test::insert_one(index, record_number(0, 1));
  test::overwrite(log_of(folder.path()), 64 + 40, "damage");
  const auto report = index.check();
  CHECK(report.condition == index_condition::damaged);
  CHECK(report.damaged_slots == 1);
  CHECK(report.entries == 1);
  CHECK(report.places == 1);
}

TEST_CASE("slots that vanished, or that no probe reaches, are damage") {
  const filled_folder folder(10);
  const auto table = test::open_table(folder.path());
  const auto [home, elsewhere, moved] = lonely_slot(table);
  std::error_code ec;
  table.store(home, {}, ec);
  auto report = mapped_index(folder.path()).check();
  CHECK(report.condition == index_condition::damaged);
  CHECK(report.lost_slots == 1);
  CHECK(report.unreachable == 1);
  table.store(home, moved, ec);
  CHECK(mapped_index(folder.path()).check().condition == index_condition::sound);

  table.store(home, {}, ec);
  table.store(elsewhere, moved, ec);
  report = mapped_index(folder.path()).check();
  CHECK(report.damaged_slots == 1);
  CHECK(report.lost_slots == 0);
  CHECK(report.entries == 9);
}

TEST_CASE("an index of missing, malformed or shortened files is unusable") {
  for (const int way : {0, 1, 2, 3, 4}) {
    const filled_folder folder(10);
    const auto table = table_of(folder.path());
    const auto log = log_of(folder.path());
    if (way == 0) fs::remove(table);
    if (way == 1) fs::remove(log);
    if (way == 2) test::overwrite(table, 3, "?");
    if (way == 3) test::overwrite(log, 3, "?");
    if (way == 4) fs::resize_file(log, fs::file_size(log) - 32);
    const auto report = mapped_index(folder.path()).check();
    CHECK(report.condition == index_condition::unusable);
    CHECK(report.entries == 0);
  }
}

TEST_CASE("an index that is being written to is sound all the time") {
  const test::temp_folder folder;
  mapped_index index(folder.path());
  index.insert(records(0, 600));
  const auto child = test::in_child([&] {
    mapped_index own(folder.path());
    for (std::uint64_t round = 0; round < 20; ++round) {
      own.insert(records(round * 100, round * 100 + 200));
      own.forget(digest_number(round), record_number(round).where.path);
      test::insert_one(own, record_number(round, 1));
    }
  });
  bool sound = true;
  for (int i = 0; i < 20; ++i) sound = sound && index.check().condition == index_condition::sound;
  CHECK(sound);
  CHECK(test::succeeded(child));
  CHECK(index.check().condition == index_condition::sound);
}
