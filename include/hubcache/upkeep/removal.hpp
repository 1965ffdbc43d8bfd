#pragma once
/// @file
/// Removing from a Hub cache without breaking what stays: first a value that can be shown, then its carrying out.
///
/// - A blob goes only with the last revision of its repo that uses it; a ref goes with its commit; a repo of which no
///   revision stays goes whole. Locks stay, as other clients leave them.
/// - A blob that is a symlink into another store loses the link only. A blob that other repos' blobs are symlinks to
///   is handed to them first.
/// - What came into use after the plan was made stays: pinned, named by a ref, used or edited since.
/// - Refs go before their snapshot, snapshots before their blobs: at no time is there a ref without a snapshot or an
///   entry without a blob, so no client's scan finds anything wrong in between.

#include <hubcache/index/index_ref.hpp>
#include <hubcache/upkeep/census.hpp>
#include <hubcache/upkeep/disk_map.hpp>

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Which revisions: [repo][revision], as in the census.
using revision_selection = std::vector<std::vector<bool>>;

/// What somebody wants removed, in the shape of a census.
struct removal_choice {
  /// Nothing of `seen`.
  HUBCACHE_DECL explicit removal_choice(const census& seen);

  revision_selection revisions;             ///< Chosen ones, of repos that stay.
  std::vector<bool> repos;                  ///< With all that is in their folders.
  content_selection contents;               ///< That no revision uses; others are left alone.
  std::vector<std::vector<bool>> partials;  ///< [repo][partial]

  friend bool operator==(const removal_choice&, const removal_choice&) = default;
};
static_assert(!std::is_aggregate_v<removal_choice>);

/// A revision that goes.
struct removed_revision {
  removed_revision() = default;

  std::string commit;                    ///< 40 hex.
  std::vector<std::string> refs;         ///< That go with it.
  std::vector<std::string> plain_files;  ///< Of the snapshot, below it: not links to blobs.
  std::uint64_t apparent = 0;            ///< Sum of its file sizes, each content once.

  friend bool operator==(const removed_revision&, const removed_revision&) = default;
};
static_assert(!std::is_aggregate_v<removed_revision>);

/// What goes of one repo.
struct repo_removal {
  repo_removal() = default;

  std::string label;      ///< As census_repo::label().
  std::string path;       ///< Absolute, of its folder.
  std::string real_path;  ///< As census_repo::real_path; if it is another, `path` is a symlink.
  std::uint64_t device = 0;  ///< Of the folder that the census saw.
  std::uint64_t inode = 0;  ///< With `device`: the folder that the census saw.
  bool whole = false;       ///< Nothing of it stays, not even what came after the census.
  std::vector<removed_revision> revisions;  ///< That go.
  std::vector<std::string> blobs;     ///< Names in blobs/.
  std::vector<std::string> partials;  ///< Likewise.

  friend bool operator==(const repo_removal&, const repo_removal&) = default;
};
static_assert(!std::is_aggregate_v<repo_removal>);

/// What goes, before anything does.
struct removal {
  removal() = default;

  std::string cache_dir;        ///< Absolute.
  std::int64_t planned_ns = 0;  ///< When the census was begun, since 1970: what was used later stays.
  std::vector<repo_removal> repos;    ///< Of which something goes; sorted by label.
  std::uint64_t apparent = 0;         ///< Sum of file sizes that go: what `hf cache rm` would claim to free.
  std::uint64_t freed = 0;            ///< Bytes that really become free; an estimate (disk_map::freed_by).
  std::vector<std::string> notes;     ///< What stays, and why; one sentence each.
  std::vector<std::string> withheld;  ///< What was chosen and must stay: one sentence each.

  /// Whether nothing goes.
  [[nodiscard]] bool empty() const noexcept { return repos.empty(); }
  /// Repos that go whole.
  [[nodiscard]] HUBCACHE_DECL std::size_t whole_repos() const noexcept;
  /// Of all repos.
  [[nodiscard]] HUBCACHE_DECL std::size_t revisions() const noexcept;
  /// Of all repos.
  [[nodiscard]] HUBCACHE_DECL std::size_t blobs() const noexcept;
  /// Of all repos.
  [[nodiscard]] HUBCACHE_DECL std::size_t partials() const noexcept;

  friend bool operator==(const removal&, const removal&) = default;
};
static_assert(!std::is_aggregate_v<removal>);

/// The contents that `chosen` takes from their repos.
[[nodiscard]] HUBCACHE_DECL content_selection contents_of(const census& seen, const removal_choice& chosen);
/// Bytes that become free with them and the chosen partials. What is only a link to a file elsewhere frees nothing.
[[nodiscard]] HUBCACHE_DECL std::uint64_t freed_by(const census& seen, const disk_map& map,
                                                   const removal_choice& chosen);

/// What removing `chosen` means. Of a repo that could not be read wholly nothing is taken unless it is chosen
/// itself: what it seems not to use may be in use.
[[nodiscard]] HUBCACHE_DECL removal plan_removal(const census& seen, const disk_map& map,
                                                 const removal_choice& chosen);

/// What became of a removal.
struct removal_report {
  removal_report() = default;

  std::size_t repos = 0;      ///< Removed whole.
  std::size_t revisions = 0;  ///< Removed, those of whole repos included.
  std::size_t blobs = 0;      ///< Removed.
  std::size_t partials = 0;   ///< Removed.
  std::uint64_t free_before = 0;  ///< Of the file system.
  std::uint64_t free_after = 0;   ///< After it was synced. Others write there, too.
  /// Repos that went whole ("model/owner/name"), and revisions of others ("model/owner/name@commit").
  std::vector<std::string> removed;
  std::vector<std::string> kept;         ///< What came into use meanwhile; one sentence each.
  std::vector<census_problem> failures;  ///< What could not be removed.
  bool stopped = false;                  ///< It was told to stop before its end.

  /// Whether all that was planned went.
  [[nodiscard]] bool complete() const noexcept { return kept.empty() && failures.empty() && !stopped; }

  friend bool operator==(const removal_report&, const removal_report&) = default;
};
static_assert(!std::is_aggregate_v<removal_report>);

/// Removes what `what` says, as far as it is still right: a repo that a process holds a lease of is left alone, a
/// file whose content is being moved (content_lock) too, and a blob that a snapshot has come to use. What cannot be
/// removed is reported, and the rest goes on. If another repo cannot be read, and so may link to a blob that goes,
/// nothing goes. Works below `what.cache_dir` only and follows no symlink there but those in its root that the census
/// followed: of such a repo what is no part of it stays. Tells the index and the ledger in `state_dir`. Ends early once
/// `stop` is requested. Blocking.
[[nodiscard]] HUBCACHE_DECL removal_report carry_out(const removal& what, const std::string& state_dir,
                                                     index_ref index, const std::stop_token& stop = {});

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/removal.ipp>
#include <hubcache/impl/removal_links.ipp>
#include <hubcache/impl/removal_run.ipp>
#endif
