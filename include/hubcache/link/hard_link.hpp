#pragma once
/// @file
/// Hard links: another name of the same inode, whose mode and times are shared.

#include <hubcache/link/link_strategy.hpp>

#include <cstdint>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Models `single_link_strategy`. Has no state.
class hard_link {
 public:
  static constexpr link_kind kind = link_kind::hard_link;  ///< What it makes.
  /// Smaller files are refused (errc::refused): a copy is as cheap, and tools that edit in place would edit
  /// all names at once. In bytes.
  static constexpr std::uint64_t smallest = 64U << 10U;

  /// As link_strategy says.
  HUBCACHE_DECL link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                                 std::error_code& ec) const;
};
static_assert(single_link_strategy<hard_link>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_hard_link.ipp>
#endif
