#pragma once
/// @file
/// The blocking parts of a run: what workers do for it, as functions of its plan.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/plan/plan.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/partial.hpp>
#include <hubcache/store/publish.hpp>

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// The failure that `found`, of the content of the repo's `file`, is.
[[nodiscard]] HUBCACHE_DECL error objection_error(const plan& what, const std::string& file,
                                                  const objection& found);

/// Turns present contents that are gone by now into fetches: a plan may be old when it runs.
HUBCACHE_DECL void look_again(plan& what);

/// Inspects what is present, as far as its steps have rules.
/// @param meanwhile  only what another process published since the plan was made; else only what was there before
/// @throws error errc::{disallowed, lock_mismatch}, or a disk error
HUBCACHE_DECL void inspect_present(const plan& what, bool meanwhile, const hash_set_ref& hashes,
                                   const std::stop_token& stop);

/// Creates the folders a run writes to, and refuses to begin what the disk cannot hold: too many bytes, or two files
/// whose names its file system takes for one.
/// @throws error errc::disk_full, errc::refused or another disk error
HUBCACHE_DECL void prepare_folders(const plan& what);

/// The names of the partials that lie where `what` keeps its own; none if it fetches nothing.
[[nodiscard]] HUBCACHE_DECL std::unordered_set<std::string> begun_partials(const plan& what);

/// What one try to begin a transfer found.
struct begun_transfer {
  begun_transfer() = default;
  std::shared_ptr<content_lock> lock;  ///< Null if somebody else moves this content.
  std::shared_ptr<partial> file;  ///< Null if so, if the content is here by now, or if none was asked for.
  bool present = false;           ///< It was published in this place meanwhile.
  std::vector<place> places;      ///< It was published elsewhere meanwhile.
};
static_assert(!std::is_aggregate_v<begun_transfer>);

/// What begin_transfer() looks at besides the lock.
struct transfer_place {
  transfer_place() = default;
  std::string hub_lock;         ///< Empty if the place has none.
  std::string partial;          ///< Empty if none is to be opened.
  std::string target;           ///< Absolute path of the final name.
  bool look_here = false;       ///< Whether the content may be at `target` by now.
  bool look_elsewhere = false;  ///< Whether it may be linked from other places.
};
static_assert(!std::is_aggregate_v<transfer_place>);

/// Tries to get the right to move `what`; having it, looks whether the content is on this machine by now, and opens
/// its partial if not.
/// @throws error a disk error
[[nodiscard]] HUBCACHE_DECL begun_transfer begin_transfer(content_locks& locks, const content& what,
                                                          const transfer_place& where,
                                                          const digest_queue& digests,
                                                          const index_ref& index);

/// Makes the symlinks, or writes the records, of the view's entries from `first` up to `last`.
/// @return warnings, one sentence each
/// @throws error a disk error
HUBCACHE_DECL std::vector<std::string> finish_entries(const plan& what, std::size_t first, std::size_t last);

/// The last part of a run, when all entries are there: the listing, and the refs at the very end, synced as `mode` says.
/// @param unchanged nothing was placed: then a cache that cannot be written to is as good as one that can, and what
///        could not be recorded there is no failure
/// @throws error a disk error
HUBCACHE_DECL void finish_view(const plan& what, fsync_mode mode, bool unchanged);

/// What became of the caller's mapping.
struct mapped_contents {
  mapped_contents() = default;
  cache_mapping valid;
  cache_mapping stale;
  std::vector<index_record> records;
};

/// Checks the caller's entries (existence; the content where the snapshot tells what it must be) and adds every
/// content of the snapshot.
[[nodiscard]] HUBCACHE_DECL mapped_contents complete_mapping(const plan& what, const hash_set_ref& hashes,
                                                             const index_ref& index,
                                                             const std::stop_token& stop);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run_jobs.ipp>
#endif
