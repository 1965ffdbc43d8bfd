#pragma once
/// @file
/// Symlinks with an absolute target. They dangle once the target is deleted, and Hub clients that delete
/// follow them: made on request only, never by `auto_link_kinds`.

#include <hubcache/link/link_strategy.hpp>

#include <system_error>

namespace hubcache::inline v0_1 {

/// Models `single_link_strategy`. Has no state.
class symlink {
 public:
  static constexpr link_kind kind = link_kind::symlink;  ///< What it makes.

  /// As link_strategy says.
  HUBCACHE_DECL link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                                 std::error_code& ec) const;
};
static_assert(single_link_strategy<symlink>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_symlink.ipp>
#endif
