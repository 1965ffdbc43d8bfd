#pragma once
/// @file
/// Copy-on-write clones (Linux FICLONE): own inode, shared blocks. Works across btrfs subvolumes and bind
/// mounts, and on files of other users, where a hard link does not. Clean content clones in microseconds;
/// content that was just written is flushed first (0.3 to 1.2 s per GB), so this never runs on a network
/// thread.

#include <hubcache/link/link_strategy.hpp>

#include <system_error>

namespace hubcache::inline v0_1 {

/// Models `single_link_strategy`. Has no state.
class reflink {
 public:
  static constexpr link_kind kind = link_kind::reflink;  ///< What it makes.

  /// As link_strategy says.
  HUBCACHE_DECL link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                                 std::error_code& ec) const;
};
static_assert(single_link_strategy<reflink>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_reflink.ipp>
#endif
