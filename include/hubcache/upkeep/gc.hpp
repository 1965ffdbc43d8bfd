#pragma once
/// @file
/// What to remove so that a cache is small enough: what was not used for longest. A value; nothing is touched.

#include <hubcache/upkeep/clean_up.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// How small a cache shall be.
struct gc_goal {
  gc_goal() = default;

  std::optional<std::uint64_t> max_bytes;  ///< That the cache may hold: the most freeable_bytes() after it.
  std::optional<std::chrono::seconds> max_age;  ///< Unused for longer, a revision goes in any case.
  leftover_rule leftovers;                      ///< Which leftovers go in any case.

  friend bool operator==(const gc_goal&, const gc_goal&) = default;
};
static_assert(!std::is_aggregate_v<gc_goal>);

/// What goes so that a goal is reached.
struct gc_plan {
  gc_plan() = default;

  removal what;  ///< To be carried out.
  /// One sentence if gc_goal::max_bytes is out of reach: how many bytes must stay, and why. Empty: it is reached.
  std::string out_of_reach;

  friend bool operator==(const gc_plan&, const gc_plan&) = default;
};
static_assert(!std::is_aggregate_v<gc_plan>);

/// Removes leftovers, what is too old, and then the revisions that were not used for longest, until the cache is as
/// small as asked; but nothing that is pinned, leased or edited, and for the sake of size nothing that frees no byte.
/// If all that may go is not enough, nothing goes for the sake of size. O(n log n) in entries and pieces of the map.
/// Once `stop` is requested the result is incomplete.
/// @throws error errc::refused if there are pins that cannot be read
[[nodiscard]] HUBCACHE_DECL gc_plan plan_gc(const census& seen, const disk_map& map, const ledger_view& book,
                                            const gc_goal& goal, const std::stop_token& stop = {});

/// Bytes that become free if the whole cache is removed, partials included: what gc_goal::max_bytes limits. What a
/// shared store or a file outside the cache holds, too, is not among them: it occupies the disk with or without this
/// cache.
[[nodiscard]] HUBCACHE_DECL std::uint64_t freeable_bytes(const census& seen, const disk_map& map);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/gc.ipp>
#endif
