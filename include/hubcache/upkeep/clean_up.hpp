#pragma once
/// @file
/// What to remove: what the user names, or what is garbage (gc.hpp: what was not used for longest). Values in, values
/// out; none of these touches the cache.

#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What the ledger says of a census.
struct ledger_view {
  /// Says nothing.
  HUBCACHE_DECL explicit ledger_view(const census& seen);

  revision_selection pinned;       ///< [repo][revision], by pins of one revision.
  std::vector<bool> pinned_repos;  ///< By a pin of all their revisions.
  std::vector<bool> leased;        ///< Repos that some process works on now.
  /// When each revision was used last (ns since 1970), [repo][revision]: as the ledger recorded it; else the newest
  /// of its folder's mtime and its contents' last read and write. Of contents, those tell that no other revision of
  /// the repo and no other hard link uses; all do if it has none of its own.
  std::vector<std::vector<std::int64_t>> used;
  std::vector<std::string> unknown_pins;  ///< As pin_list::problems: what they protect is not known.

  friend bool operator==(const ledger_view&, const ledger_view&) = default;
};
static_assert(!std::is_aggregate_v<ledger_view>);

/// Looks everything up. O(entries). @param pins those in the census's cache
[[nodiscard]] HUBCACHE_DECL ledger_view view_ledger(const ledger& book, const pin_list& pins,
                                                    const census& seen);

/// A repo or some of its revisions, as users name them.
struct named_targets {
  /// Nothing of `seen`.
  explicit named_targets(const census& seen) : chosen(seen) {}

  removal_choice chosen;             ///< What the texts name.
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

/// The files of a snapshot that were edited, below it, sorted: regular ones that their owner may write, in a repo that
/// otherwise keeps its content in blobs/ (see edit()). Nobody else has their bytes.
[[nodiscard]] HUBCACHE_DECL std::vector<std::string> edited_files(const census_repo& repo,
                                                                  const census_revision& revision);

/// Removes what the user named. What is leased is withheld; a note names the edited files that go.
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

  friend bool operator==(const leftover_rule&, const leftover_rule&) = default;
};
static_assert(!std::is_aggregate_v<leftover_rule>);

/// Removes detached revisions (no ref names them) and leftovers, but nothing that is pinned, leased or edited.
/// @throws error errc::refused if there are pins that cannot be read
[[nodiscard]] HUBCACHE_DECL removal plan_prune(const census& seen, const disk_map& map,
                                               const ledger_view& book, const leftover_rule& rule);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/clean_up.ipp>
#endif
