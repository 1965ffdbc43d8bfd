#pragma once
/// @file
/// What to remove: what the user names, what is garbage, or what was not used for longest. Values in, values out; none
/// of these touches the cache.

#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What the ledger says of a census.
struct ledger_view {
  /// Says nothing.
  HUBCACHE_DECL explicit ledger_view(const census& seen);

  revision_selection pinned;
  std::vector<bool> pinned_repos;  ///< By a pin of all their revisions.
  std::vector<bool> leased;        ///< Repos that some process works on now.
  /// When each revision was used last (ns since 1970): the newest of what the ledger recorded, the times of its
  /// contents' last read and write, and its folder's. [repo][revision]
  std::vector<std::vector<std::int64_t>> used;
};
static_assert(!std::is_aggregate_v<ledger_view>);

/// Looks everything up. @param pins those in the census's cache
[[nodiscard]] HUBCACHE_DECL ledger_view view_ledger(const ledger& book, const std::vector<pin>& pins,
                                                    const census& seen);

/// A repo or some of its revisions, as users name them.
struct named_targets {
  explicit named_targets(const census& seen) : chosen(seen) {}

  removal_choice chosen;
  std::vector<pin> found;            ///< The same as it would be pinned: by its ref, if it was named by that.
  std::vector<std::string> unknown;  ///< Texts that name nothing here, or not one thing: one sentence each.
};
static_assert(!std::is_aggregate_v<named_targets>);

/// Finds what each of `texts` names: `model/owner/name`, `owner/name` (a model), `hf://...` (the type in singular or
/// plural), any of these with `@revision` (a ref or a commit), or a commit alone. Commits may be shortened to a prefix
/// of 8 digits or more.
[[nodiscard]] HUBCACHE_DECL named_targets find_targets(const census& seen,
                                                       const std::vector<std::string>& texts);

/// Those of `pins` that `text` names, as find_targets() reads it, whether it is in the cache or not. A repo names all
/// its pins.
[[nodiscard]] HUBCACHE_DECL std::vector<pin> find_pins(const std::vector<pin>& pins, const std::string& text);

/// Removes what the user named. What is leased is withheld.
/// @throws error errc::refused if something of it is pinned
[[nodiscard]] HUBCACHE_DECL removal plan_named_removal(const census& seen, const disk_map& map,
                                                       const ledger_view& book, removal_choice chosen);

/// What of a repo's leftovers is garbage: partials, and blobs that no snapshot names.
struct leftover_rule {
  leftover_rule() = default;

  std::int64_t now_ns = 0;  ///< Since 1970.
  /// A partial that a later run can resume, and a blob that it can use, is garbage after this time without a change. A
  /// partial that only its own process could have gone on with is garbage at once; none is while it is locked.
  std::chrono::seconds resumable_for = std::chrono::hours(24);
};
static_assert(!std::is_aggregate_v<leftover_rule>);

/// Removes detached revisions (no ref names them) and leftovers, but nothing that is pinned or leased.
[[nodiscard]] HUBCACHE_DECL removal plan_prune(const census& seen, const disk_map& map,
                                               const ledger_view& book, const leftover_rule& rule);

struct gc_goal {
  gc_goal() = default;

  std::optional<std::uint64_t> max_bytes;       ///< That the cache may occupy on disk.
  std::optional<std::chrono::seconds> max_age;  ///< Unused for longer, a revision goes in any case.
  leftover_rule leftovers;
};
static_assert(!std::is_aggregate_v<gc_goal>);

/// Removes leftovers and then the revisions that were not used for longest, until the cache is as small as asked, but
/// nothing that is pinned or leased, and for the sake of size nothing that frees no byte. A note says if the goal
/// cannot be reached. O(revisions * pieces of the map).
[[nodiscard]] HUBCACHE_DECL removal plan_gc(const census& seen, const disk_map& map, const ledger_view& book,
                                            const gc_goal& goal);

/// Bytes that the cache occupies, partials included: what gc_goal::max_bytes limits.
[[nodiscard]] HUBCACHE_DECL std::uint64_t bytes_on_disk(const census& seen, const disk_map& map);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/clean_up.ipp>
#endif
