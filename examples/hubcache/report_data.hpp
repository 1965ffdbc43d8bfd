#pragma once
/// @file
/// What `hubcache cache report` shows, as a value: who holds which bytes of the disk.

#include <hubcache/upkeep/census.hpp>
#include <hubcache/upkeep/disk_map.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace command {

/// Why bytes lie on the disk.
enum class hold : unsigned char {
  own,        ///< One repo alone needs them.
  shared,     ///< Other repos or files outside the cache hold them, too.
  duplicate,  ///< Equal bytes lie in another place of the cache: a link would free these.
  leftover,   ///< No revision names them: unfinished downloads, forgotten blobs.
};

/// Bytes on disk by `hold`. What n files share is divided among them, so that sums are what the disk holds.
using held_bytes = std::array<std::uint64_t, 4>;

[[nodiscard]] std::uint64_t sum_of(const held_bytes& bytes) noexcept;

struct report_file {
  std::string name;       ///< Path in its folder; empty if it stands for several smaller files.
  std::size_t count = 1;  ///< Files that it stands for.
  held_bytes bytes{};
  std::int64_t accessed = 0;  ///< Seconds since 1970; of several files the newest.
};

/// Files of a repo below one first folder, or of one sort.
struct report_folder {
  enum class sort : unsigned char {
    named,       ///< A folder of the repo: a component of a pipeline.
    unnamed,     ///< Blobs that no revision names.
    unfinished,  ///< Partial downloads.
  };
  sort what = sort::named;
  std::string name;  ///< Of a named one.
  std::vector<report_file> files;
};

struct report_repo {
  std::string label;
  hubcache::repo_usage usage;  ///< Partial downloads included.
  std::int64_t accessed = 0;   ///< Newest of its files, seconds since 1970; 0 if it has none.
  std::int64_t modified = 0;   ///< Likewise.
  std::size_t files = 0;
  std::size_t revisions = 0;
  std::size_t partials = 0;
  std::vector<std::string> refs;
  std::vector<report_file> top;        ///< Files in no folder.
  std::vector<report_folder> folders;  ///< Sorted by name; unnamed and unfinished ones last.
};

/// One content that lies on the disk more than once.
struct report_duplicate {
  struct place {
    std::size_t repo = 0;  ///< Of cache_report::repos.
    std::string path;      ///< In the repo; of a blob that no revision names, its name.
  };
  std::string name;         ///< The content's etag.
  std::uint64_t size = 0;   ///< Bytes of one copy.
  std::uint64_t saves = 0;  ///< Bytes that become free when the copies are linked.
  std::vector<place> places;
};

struct cache_report {
  std::string cache_dir;
  std::int64_t taken = 0;          ///< Seconds since 1970.
  held_bytes bytes{};              ///< Of all repos.
  std::uint64_t apparent = 0;      ///< Sum of file sizes, repo by repo.
  std::uint64_t saved = 0;         ///< Bytes that would be needed besides, if nothing shared its bytes.
  std::vector<report_repo> repos;  ///< In the census's order.
  std::vector<report_duplicate> duplicates;  ///< Those that save most first.
  std::vector<hubcache::census_problem> problems;

  /// Bytes that linking all duplicates frees.
  [[nodiscard]] std::uint64_t could_save() const noexcept {
    return bytes[static_cast<std::size_t>(hold::duplicate)];
  }
};

/// `usages` is usage_of(seen, map).
[[nodiscard]] cache_report report_of(const hubcache::census& seen, const hubcache::disk_map& map,
                                     const std::vector<hubcache::repo_usage>& usages,
                                     std::chrono::system_clock::time_point now);

/// Lets one file stand for all that are too small to be among the `limit` largest, per folder; folders in which
/// nothing else is left go into their repo's.
void merge_smaller(cache_report& report, std::size_t limit);

}  // namespace command
