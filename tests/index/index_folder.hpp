#pragma once
/// @file
/// What the tests of mapped_index do to its folder.

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/index/slot_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "conformance/content_index.hpp"
#include "index/records.hpp"
#include "support/temp_folder.hpp"

namespace test {

/// Bytes that a record_number() takes in a log.
inline constexpr std::uint64_t record_bytes = 224;

/// Records first, first + step, ... below `last`.
inline std::vector<hubcache::index_record> records(std::uint64_t first, std::uint64_t last,
                                                   std::uint64_t step = 1) {
  std::vector<hubcache::index_record> batch;
  for (auto n = first; n < last; n += step) batch.push_back(record_number(n));
  return batch;
}

/// How many of the records 0 to `count` are found; -1 if anything found is not what was inserted.
inline int found(const hubcache::mapped_index& index, std::uint64_t count) {
  int hits = 0;
  for (std::uint64_t n = 0; n < count; ++n) {
    for (const auto& where : index.find(digest_number(n))) {
      if (!is_genuine({digest_number(n), where})) return -1;
      ++hits;
    }
  }
  return hits;
}

/// Whether each() shows inserted records only.
inline bool all_genuine(const hubcache::mapped_index& index) {
  bool genuine = true;
  index.each([&genuine](const hubcache::index_record& record) {
    genuine = genuine && is_genuine(record);
    return true;
  });
  return genuine;
}

/// Runs `body` in a child process.
template <class Body>
pid_t in_child(Body body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    body();
    ::_exit(0);
  }
  return child;
}

inline bool succeeded(pid_t child) {
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

inline std::string path_of(const std::filesystem::path& folder, std::string_view ending) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().string().ends_with(ending)) return entry.path().string();
  }
  return {};
}
inline std::string table_of(const std::filesystem::path& folder) { return path_of(folder, ".table"); }
inline std::string log_of(const std::filesystem::path& folder) { return path_of(folder, ".log"); }

inline hubcache::slot_table open_table(const std::filesystem::path& folder) {
  std::error_code ec;
  auto table = hubcache::slot_table::open(table_of(folder), hubcache::index_access::copied, ec);
  REQUIRE_FALSE(ec);
  return table;
}

/// Slots of the table in `folder` that have a mark.
inline std::vector<hubcache::seen_slot> used_slots(const hubcache::slot_table& table) {
  std::vector<hubcache::seen_slot> used;
  table.each([&used](const hubcache::seen_slot& seen) {
    if (seen.value.mark != 0) used.push_back(seen);
  });
  return used;
}

/// Lets the counts in the table of `folder` be what `change(counts)` makes of them.
template <class Change>
void change_counts(const std::filesystem::path& folder, Change change) {
  const auto table = open_table(folder);
  auto counts = table.counts();
  change(counts);
  std::error_code ec;
  table.store_counts(counts, ec);
  REQUIRE_FALSE(ec);
}

/// Where thousands of files are made and removed in seconds: in memory, if there is such a place.
inline std::filesystem::path quick_place() {
  return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
}

/// A folder with an index of the records 0 to `count`.
struct filled_folder : temp_folder {
  explicit filled_folder(std::uint64_t count) {
    hubcache::mapped_index(path().string()).insert(records(0, count));
  }
};

/// Lets this process's writes beyond `bytes` of any file fail.
inline void limit_file_size(rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

inline void overwrite(const std::string& path, std::uint64_t offset, std::string_view bytes) {
  std::error_code ec;
  const auto file = hubcache::os::open_write(path, ec);
  REQUIRE_FALSE(ec);
  hubcache::os::write_at(file, hubcache::as_byte_view(bytes), offset, ec);
}

}  // namespace test
