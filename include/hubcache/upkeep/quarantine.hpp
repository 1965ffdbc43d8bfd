#pragma once
/// @file
/// Taking corrupt content out of a cache: nothing is deleted, other clients stop seeing it, and what is to be fetched
/// again is known.

#include <hubcache/upkeep/verify.hpp>

#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One corrupt file and what becomes of it.
struct quarantine_step {
  quarantine_step() = default;

  checked_file file;                 ///< Which is moved away.
  std::string repo_dir;              ///< Absolute.
  std::string path;                  ///< Absolute, of the file that moves; empty if only symlinks go.
  std::vector<std::string> entries;  ///< Absolute, of the symlinks that would lead nowhere: they go, too.
  std::string moved_to;              ///< Absolute; set when it was moved.
  std::string problem;               ///< Why it stays where it is, for people; empty if it does not.

  friend bool operator==(const quarantine_step&, const quarantine_step&) = default;
};
static_assert(!std::is_aggregate_v<quarantine_step>);

/// Files of one snapshot.
struct snapshot_files {
  snapshot_files() = default;

  std::string type;  ///< As in census_repo.
  std::string id;    ///< "owner/name".
  std::string commit;              ///< 40 hex.
  std::vector<std::string> files;  ///< Paths in the repo, sorted.

  friend bool operator==(const snapshot_files&, const snapshot_files&) = default;
};
static_assert(!std::is_aggregate_v<snapshot_files>);

/// What is moved away, and what then leads nowhere.
struct quarantine_plan {
  quarantine_plan() = default;

  std::string cache_dir;               ///< Absolute.
  std::vector<quarantine_step> steps;  ///< One for each damaged file.

  friend bool operator==(const quarantine_plan&, const quarantine_plan&) = default;
};
static_assert(!std::is_aggregate_v<quarantine_plan>);

/// Where quarantined files go: in `.locks`, on the cache's file system, which the scans of all clients pass over.
[[nodiscard]] inline std::string quarantine_dir(const std::string& cache_dir) {
  return cache_dir + "/.locks/hubcache-quarantine";
}

/// What is to be done about the corrupt files of `done`. Content that lies in another store, or in the shared store of
/// huggingface_hub, stays: its step says so.
[[nodiscard]] HUBCACHE_DECL quarantine_plan plan_quarantine(const census& seen, const verification& done);

/// Moves each file to quarantine_dir() (its etag, a dot, 8 hex digits), then removes its entries. Refuses, file by file, what another
/// process works on or what changed since it was hashed. A process that dies in between leaves entries that lead
/// nowhere, which the next verification finds. Blocking; once `stop` is requested the rest stays, with a problem.
[[nodiscard]] HUBCACHE_DECL quarantine_plan quarantine(quarantine_plan planned, const std::string& state_dir,
                                                       const std::stop_token& stop);

/// Files whose snapshots lost them by `moved`, or whose entries led nowhere in `done`, by snapshot.
[[nodiscard]] HUBCACHE_DECL std::vector<snapshot_files> files_to_fetch(const census& seen,
                                                                       const verification& done,
                                                                       const quarantine_plan& moved);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/quarantine.ipp>
#endif
