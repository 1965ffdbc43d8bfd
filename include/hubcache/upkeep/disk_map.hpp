#pragma once
/// @file
/// What the contents of a census really occupy: hard links count once per inode, reflinks once per extent.

#include <hubcache/upkeep/census.hpp>

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Names one content of a census.
struct content_ref {
  std::size_t repo = 0;     ///< Of census::repos.
  std::size_t content = 0;  ///< Of its contents.

  friend auto operator<=>(const content_ref&, const content_ref&) = default;
};

/// Bytes on disk that the same contents share.
struct disk_piece {
  disk_piece() = default;

  std::uint64_t bytes = 0;         ///< On disk.
  std::vector<content_ref> users;  ///< Sorted.
  bool outside = false;            ///< Something outside the census holds these bytes, too.

  friend bool operator==(const disk_piece&, const disk_piece&) = default;
};
static_assert(!std::is_aggregate_v<disk_piece>);

/// Which contents a deletion takes away: [repo][content], as in the census.
using content_selection = std::vector<std::vector<bool>>;

/// Nothing selected, in the shape of `seen`.
[[nodiscard]] HUBCACHE_DECL content_selection select_nothing(const census& seen);

/// Who holds which bytes of the disk.
struct disk_map {
  disk_map() = default;

  std::vector<disk_piece> pieces;  ///< Disjoint; in all, what the census occupies.

  /// Bytes that the whole census occupies.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t total() const noexcept;
  /// Bytes that the contents in `chosen` occupy, those that they share with others included.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t held_by(const content_selection& chosen) const;
  /// Bytes that become free if the contents in `gone` are deleted. An estimate where extents are shared with files
  /// outside the census: file systems tell that they are, not with whom.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t freed_by(const content_selection& gone) const;

  friend bool operator==(const disk_map&, const disk_map&) = default;
};
static_assert(!std::is_aggregate_v<disk_map>);

/// Reads the extents of every content where its file system can share them (FIEMAP), else counts inodes by st_blocks.
/// Blocking; in parallel.
[[nodiscard]] HUBCACHE_DECL disk_map map_disk(const census& seen, workers& pool,
                                              const std::stop_token& stop = {});

/// What one repo costs.
struct repo_usage {
  repo_usage() = default;

  std::uint64_t apparent = 0;  ///< Sum of file sizes, each content once: what `hf cache ls` calls SIZE.
  std::uint64_t on_disk = 0;   ///< Bytes it occupies, those shared with others included.
  std::uint64_t unique = 0;    ///< Bytes nobody else holds: what deleting the repo frees.
  std::vector<std::size_t> shared_with;  ///< Repos of the census, sorted.
  bool shared_outside = false;           ///< Bytes are held by files outside this cache, too.

  /// Bytes that others hold, too.
  [[nodiscard]] std::uint64_t shared() const noexcept { return on_disk - unique; }

  friend bool operator==(const repo_usage&, const repo_usage&) = default;
};
static_assert(!std::is_aggregate_v<repo_usage>);

/// One per repo of the census, in its order.
[[nodiscard]] HUBCACHE_DECL std::vector<repo_usage> usage_of(const census& seen, const disk_map& map);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/disk_map.ipp>
#endif
