#pragma once
/// @file
/// The lines of `hubcache cache ls` as values.

#include <hubcache/upkeep/census.hpp>
#include <hubcache/upkeep/disk_map.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace command {

/// One repo, or one revision of one. Sizes in bytes, times in ns since 1970.
struct cache_row {
  std::size_t repo = 0;                 ///< Of the census.
  std::optional<std::size_t> revision;  ///< Of the repo; none: the row is the whole repo.
  std::string label;                    ///< Of the repo.
  std::string type;                     ///< Of the repo.
  std::uint64_t size = 0;               ///< Sum of file sizes, each content once.
  std::uint64_t on_disk = 0;            ///< Bytes it occupies, those shared with others included.
  std::uint64_t unique = 0;             ///< Bytes that deleting it alone frees.
  std::int64_t accessed_ns = 0;         ///< Of a revision: that of its repo, as hf filters.
  std::int64_t modified_ns = 0;
  std::vector<std::string> refs;         ///< Sorted.
  std::vector<std::string> shared_with;  ///< Labels of other repos. Not known of a revision.
  bool shared_outside = false;           ///< Likewise.

  [[nodiscard]] std::uint64_t shared() const noexcept { return on_disk - unique; }
};

/// One row per repo that holds anything, in the order of the census.
[[nodiscard]] std::vector<cache_row> repo_rows(const hubcache::census& seen, const hubcache::disk_map& map);
/// One row per revision, in the order of the census.
[[nodiscard]] std::vector<cache_row> revision_rows(const hubcache::census& seen,
                                                   const hubcache::disk_map& map);

/// The contents that the rows stand for.
[[nodiscard]] hubcache::content_selection contents_of(const hubcache::census& seen,
                                                      const std::vector<cache_row>& rows);

}  // namespace command
