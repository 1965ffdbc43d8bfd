#pragma once
/// @file
/// Copies: own bytes, own space. The kernel copies if it can (and may share blocks even then), else a buffer
/// does. Holes stay holes. Space for what has none is reserved first, so that a full disk is noticed before the bytes
/// move.

#include <hubcache/link/link_strategy.hpp>

#include <system_error>

namespace hubcache::inline v0_1 {

/// Models `single_link_strategy`. Has no state.
class copy {
 public:
  static constexpr link_kind kind = link_kind::copy;  ///< What it makes.

  /// As link_strategy says.
  HUBCACHE_DECL link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                                 std::error_code& ec) const;
};
static_assert(single_link_strategy<copy>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_copy.ipp>
#endif
