#pragma once
/// @file
/// Two files becoming one on disk: shared blocks (Linux FIDEDUPERANGE, ioctl_fideduperange(2)), and what must be
/// equal before one inode takes the other's place.

#include <hubcache/os/file.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1::os {

/// What became of a try.
enum class share_outcome : unsigned char {
  shared,   ///< Both files have the same blocks there now.
  differs,  ///< The bytes are not equal: nothing was done.
  failed,   ///< `ec` says why; EOPNOTSUPP, ENOTTY or EXDEV where the file system cannot.
};

/// Makes `size` bytes at `offset` of `other` share the blocks of `kept`. The kernel compares them and shares them in
/// one step that no writer can come between; owner, mode and times of both stay. What was equal up to the first
/// difference may be shared. `offset` is a multiple of the block size; so is `size`, or it reaches the end of both.
/// Both files are open for reading; the system asks that `other` be the caller's own or writable to him. Blocking:
/// reads both ranges.
[[nodiscard]] HUBCACHE_DECL share_outcome share_blocks(const descriptor& kept, const descriptor& other,
                                                       std::uint64_t offset, std::uint64_t size,
                                                       std::error_code& ec) noexcept;

/// Whether files in `folder` can share blocks: tried with two that never get a name. False, too, where a file
/// cannot be made.
[[nodiscard]] HUBCACHE_DECL bool can_share_blocks(const std::string& folder);

/// Whether both have the same extended attributes, access control lists included. False if `ec` is set.
[[nodiscard]] HUBCACHE_DECL bool same_attributes(const descriptor& a, const descriptor& b,
                                                 std::error_code& ec);

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_sharing.ipp>
#endif
