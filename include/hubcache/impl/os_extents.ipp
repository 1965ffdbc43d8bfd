#pragma once

#include <hubcache/impl/os_file.ipp>
#include <hubcache/os/extents.hpp>

#include <cstring>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <new>
#include <sys/ioctl.h>

namespace hubcache::inline v0_1::os {

namespace detail {

/// Adds what the kernel tells of one extent.
HUBCACHE_DECL void add_extent(extent_list& to, const fiemap_extent& from) {
  if ((from.fe_flags & FIEMAP_EXTENT_DATA_INLINE) != 0) {
    to.unlocated += from.fe_length;
  } else if ((from.fe_flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC)) != 0) {
    to.delayed += from.fe_length;
  } else {
    extent one;
    one.physical = from.fe_physical;
    one.length = from.fe_length;
    one.shared = (from.fe_flags & FIEMAP_EXTENT_SHARED) != 0;
    one.encoded = (from.fe_flags & FIEMAP_EXTENT_ENCODED) != 0;
    if (!to.extents.empty()) {
      auto& last = to.extents.back();
      if (!one.encoded && !last.encoded && last.shared == one.shared &&
          last.physical + last.length == one.physical) {
        last.length += one.length;
        return;
      }
    }
    to.extents.push_back(one);
  }
}

}  // namespace detail

HUBCACHE_DECL std::optional<extent_space> extent_space_of(const descriptor& file) noexcept {
  // statfs(2): btrfs, XFS, OCFS2, bcachefs, overlay (which passes on what lies below it).
  static constexpr std::uint32_t btrfs = 0x9123683E;
  static constexpr std::array<std::uint32_t, 4> others{0x58465342, 0x7461636F, 0xCA451A4E, 0x794C7630};
  std::error_code ec;
  struct statfs s {};
  detail::retried(ec, [&] { return ::fstatfs(file.get(), &s); });
  if (ec) return std::nullopt;
  const auto magic = static_cast<std::uint32_t>(s.f_type);
  extent_space result;
  if (magic == btrfs) {
    // Every subvolume has a device number of its own; the addresses are those of the whole file system.
    btrfs_ioctl_fs_info_args info{};
    detail::retried(ec, [&] { return ::ioctl(file.get(), BTRFS_IOC_FS_INFO, &info); });
    static_assert(sizeof info.fsid == sizeof result);
    std::memcpy(&result, info.fsid, sizeof result);
  } else if (std::find(others.begin(), others.end(), magic) != others.end()) {
    result.low = status(file, ec).identity.device;
  } else {
    return std::nullopt;
  }
  if (ec) return std::nullopt;
  return result;
}

HUBCACHE_DECL extent_list read_extents(const descriptor& file, std::error_code& ec, std::size_t limit) {
  extent_list result;
  static constexpr std::uint32_t capacity = 512;
  // The header, and the extents that follow it.
  const std::unique_ptr<std::byte[]> page(new std::byte[sizeof(fiemap) + capacity * sizeof(fiemap_extent)]);
  for (std::uint64_t from = 0;;) {
    auto* const head = std::launder(reinterpret_cast<fiemap*>(page.get()));
    head->fm_start = from;
    head->fm_length = FIEMAP_MAX_OFFSET - from;
    head->fm_flags = FIEMAP_FLAG_SYNC;
    head->fm_mapped_extents = 0;
    head->fm_extent_count = capacity;
    head->fm_reserved = 0;
    detail::retried(ec, [&] { return ::ioctl(file.get(), FS_IOC_FIEMAP, head); });
    const auto count = std::min(head->fm_mapped_extents, capacity);
    if (ec || count == 0) return result;
    fiemap_extent last{};
    for (std::uint32_t i = 0; i < count; ++i) {
      std::memcpy(&last, page.get() + sizeof(fiemap) + i * sizeof last, sizeof last);
      detail::add_extent(result, last);
    }
    if (result.extents.size() > limit) {
      ec = std::make_error_code(std::errc::value_too_large);
      return {};
    }
    const auto next = last.fe_logical + last.fe_length;
    if ((last.fe_flags & FIEMAP_EXTENT_LAST) != 0 || next <= from) return result;
    from = next;
  }
}

}  // namespace hubcache::inline v0_1::os
