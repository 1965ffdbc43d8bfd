#pragma once
/// @file
/// Where on its device a file's bytes lie: tells which files share them (reflinks). Linux's FIEMAP.

#include <hubcache/os/file.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

namespace hubcache::inline v0_1::os {

/// A run of bytes on a device.
struct extent {
  std::uint64_t physical = 0;  ///< Address in the file system's extent_space.
  std::uint64_t length = 0;    ///< Bytes; before compression if `encoded`.
  bool shared = false;         ///< Another file, or another part of this one, holds these bytes too.
  bool encoded = false;        ///< Compressed or encrypted: of `physical` only equality says something.

  friend bool operator==(const extent&, const extent&) noexcept = default;
};

/// The extents of a file.
struct extent_list {
  extent_list() = default;

  std::vector<extent> extents;  ///< In the order of the file; holes left out, neighbours joined.
  std::uint64_t unlocated = 0;  ///< Bytes at no address of their own: kept with the file's metadata.
  std::uint64_t delayed = 0;    ///< Bytes that have no address yet.
};
static_assert(!std::is_aggregate_v<extent_list>);

/// What physical addresses can be compared within: one file system, all subvolumes of it.
struct extent_space {
  std::uint64_t high = 0;  ///< Of the file system's name, which is no more than a number.
  std::uint64_t low = 0;   ///< Likewise.

  friend auto operator<=>(const extent_space&, const extent_space&) noexcept = default;
};

/// The space of the file system that `file` lies on; none if its files cannot share extents, or it does not tell.
[[nodiscard]] HUBCACHE_DECL std::optional<extent_space> extent_space_of(const descriptor& file) noexcept;

/// Reads the extents of `file`, after what is not written yet has been written. More than `limit` of them are
/// std::errc::value_too_large.
[[nodiscard]] HUBCACHE_DECL extent_list read_extents(const descriptor& file, std::error_code& ec,
                                                     std::size_t limit = std::size_t{1} << 20U);

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_extents.ipp>
#endif
