// The machine loses power while an index is written, and nothing was synced. A session is recorded by
// comparing the files before and after each step. Then folders are made in which only some of its writes
// reached the disk, in sectors and in any order, and names only up to some moment; whatever they hold, the
// index gives no wrong answer and goes on.
#include <hubcache/index/mapped_index.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "index/index_folder.hpp"

namespace fs = std::filesystem;

using hubcache::mapped_index;
using test::record_number;

namespace {

constexpr std::size_t sector = 512;
constexpr std::uint64_t digests = 80;

using inode = std::uint64_t;

/// Bytes of one sector that a step changed.
struct written {
  inode file = 0;
  std::size_t offset = 0;
  std::string bytes;
};

/// What a step did, and what is to be found after it.
struct step {
  std::vector<written> writes;
  std::map<std::string, inode> names;   // afterwards
  std::map<inode, std::size_t> length;  // afterwards
  std::vector<hubcache::index_record> records;
};

/// A folder's files, kept open, so that no other file gets their number.
struct image {
  std::map<std::string, inode> names;
  std::map<inode, std::string> content;
  std::map<inode, hubcache::os::descriptor> kept;
};

image image_of(const fs::path& folder) {
  image result;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".lock") continue;
    auto file = hubcache::os::open_read(entry.path(), ec);
    const auto number = hubcache::os::status(file, ec).identity.inode;
    REQUIRE_FALSE(ec);
    result.names[entry.path().filename()] = number;
    result.content[number] = test::read_file(entry.path());
    result.kept[number] = std::move(file);
  }
  return result;
}

/// Adds to `into` the ranges of `after` that differ from `before`, cut at sectors.
void compare(inode file, const std::string& before, const std::string& after, std::vector<written>& into) {
  for (std::size_t start = 0; start < after.size(); start += sector) {
    const auto old = before.size() > start ? before.substr(start, sector) : std::string();
    const auto now = after.substr(start, sector);
    std::size_t from = 0;
    while (from < now.size() && (from < old.size() ? old[from] : '\0') == now[from]) ++from;
    std::size_t to = now.size();
    while (to > from && (to <= old.size() ? old[to - 1] : '\0') == now[to - 1]) --to;
    if (from < to) into.push_back({file, start + from, now.substr(from, to - from)});
  }
}

std::vector<hubcache::index_record> sorted(std::vector<hubcache::index_record> records) {
  const auto key = [](const hubcache::index_record& r) { return std::pair(r.name, r.where.path); };
  std::sort(records.begin(), records.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return records;
}

/// Records what each of `changes` does to an index.
class session {
 public:
  void run(const std::function<void(mapped_index&, const fs::path&)>& change) {
    {
      mapped_index index(folder_.path());
      change(index, folder_.path());
    }
    auto now = image_of(folder_.path());
    step done;
    // The log before the table, as it is written.
    for (const std::string_view ending : {".log", ".table"}) {
      for (const auto& [name, file] : now.names) {
        if (name.ends_with(ending)) compare(file, last_.content[file], now.content[file], done.writes);
      }
    }
    for (const auto& [name, file] : now.names) done.length[file] = now.content[file].size();
    done.names = now.names;
    done.records = sorted(test::all_of(mapped_index(folder_.path())));
    now.kept.merge(last_.kept);
    last_ = std::move(now);
    steps_.push_back(std::move(done));
  }
  [[nodiscard]] const std::vector<step>& steps() const { return steps_; }

 private:
  test::temp_folder folder_;
  image last_;
  std::vector<step> steps_;
};

/// Inserts of new, replaced and further places, forgotten ones, two larger tables and a new log.
void record_into(session& s) {
  const auto insert = [&s](std::uint64_t first, std::uint64_t last, std::uint64_t v) {
    s.run([=](mapped_index& index, const fs::path&) {
      std::vector<hubcache::index_record> batch;
      for (auto n = first; n < last; ++n) batch.push_back(record_number(n, v));
      REQUIRE(index.insert(batch) == batch.size());
    });
  };
  const auto forget = [&s](std::uint64_t n, std::uint64_t v) {
    s.run([=](mapped_index& index, const fs::path&) {
      index.forget(test::digest_number(n), record_number(n, v).where.path);
    });
  };
  const auto pretend = [&s](std::uint64_t hubcache::table_counts::*count, std::uint64_t value) {
    s.run([=](mapped_index&, const fs::path& folder) {
      test::change_counts(folder, [=](hubcache::table_counts& counts) { counts.*count = value; });
    });
  };
  insert(0, 1, 0);
  insert(1, 5, 0);
  insert(3, 9, 1);
  forget(4, 0);
  insert(9, 20, 0);
  pretend(&hubcache::table_counts::used,
          900);  // the next new entry needs a larger table
  insert(20, 21, 0);
  insert(15, 30, 2);
  forget(20, 0);
  pretend(&hubcache::table_counts::dead,
          1U << 30U);  // the next change writes a new log
  insert(30, 31, 0);
  insert(31, 50, 0);
  forget(16, 2);
  insert(40, 60, 1);
  pretend(&hubcache::table_counts::used, 2000);
  insert(60, 62, 0);
  insert(62, digests, 0);
}

/// What reached the disk.
class disk {
 public:
  void write(const written& w) {
    auto& bytes = content_[w.file];
    bytes.resize(std::max(bytes.size(), w.offset + w.bytes.size()));
    bytes.replace(w.offset, w.bytes.size(), w.bytes);
  }
  void extend(inode file, std::size_t length) {
    auto& bytes = content_[file];
    bytes.resize(std::max(bytes.size(), length));
  }
  void name(const std::map<std::string, inode>& names) { names_ = names; }

  void make(const test::temp_folder& folder) {
    for (const auto& entry : fs::directory_iterator(folder.path())) fs::remove(entry.path());
    for (const auto& [name, file] : names_) {
      std::error_code ec;
      const auto made = hubcache::os::create_new(folder / name, 0600, ec);
      hubcache::os::write_at(made, hubcache::as_byte_view(content_[file]), 0, ec);
      REQUIRE_FALSE(ec);
    }
  }

 private:
  std::map<std::string, inode> names_;
  std::map<inode, std::string> content_;
};

/// Whether an index in `folder` finds only what was once inserted, and takes new records.
bool goes_on(const test::temp_folder& folder) {
  mapped_index index(folder.path());
  const auto condition = index.check().condition;
  const bool opens =
      condition == hubcache::index_condition::sound || condition == hubcache::index_condition::damaged;
  if (opens && test::found(index, digests) < 0) return false;
  if (!test::all_genuine(index)) return false;
  const auto fresh = record_number(digests + 1);
  const auto further = record_number(7, 9);
  if (!test::insert_one(index, fresh) || !test::insert_one(index, further)) return false;
  const auto places = index.find(further.name);
  return !places.empty() && places.front() == further.where &&
         index.find(fresh.name) == std::vector{fresh.where} && test::all_genuine(index);
}

}  // namespace

TEST_CASE("after a power cut behind any write, the index gives no wrong answer and goes on") {
  session recorded;
  record_into(recorded);
  const test::temp_folder folder(test::quick_place());
  disk state;
  bool right = true;
  for (const auto& step : recorded.steps()) {
    state.name(step.names);
    for (const auto& w : step.writes) {
      state.write(w);
      state.make(folder);
      right = right && goes_on(folder);
    }
    for (const auto& [file, length] : step.length) state.extend(file, length);
    state.make(folder);
    const mapped_index index(folder.path());
    CHECK(sorted(test::all_of(index)) == step.records);  // the replay is a true one
  }
  CHECK(right);
}

TEST_CASE(
    "after a power cut that lost any of the writes before it, the index gives no wrong answer and goes on") {
  session recorded;
  record_into(recorded);
  const auto& steps = recorded.steps();
  const test::temp_folder folder(test::quick_place());
  std::mt19937 random(3);  // NOLINT: repeatable
  int wrong = 0;
  for (int cut = 0; cut < 10'000; ++cut) {
    const auto end = 1 + random() % steps.size();
    const auto named = 1 + random() % end;  // names reach the disk in order, but late
    const auto kept = std::vector{30U, 50U, 90U, 99U}[random() % 4];
    disk state;
    for (std::size_t s = 0; s < end; ++s) {
      if (s < named) state.name(steps[s].names);
      for (const auto& w : steps[s].writes) {
        if (random() % 100 < kept) state.write(w);
      }
      for (const auto& [file, length] : steps[s].length) {
        if (random() % 100 < kept) state.extend(file, length);
      }
    }
    state.make(folder);
    wrong += goes_on(folder) ? 0 : 1;
  }
  CHECK(wrong == 0);
}
