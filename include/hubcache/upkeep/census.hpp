#pragma once
/// @file
/// What a Hub cache holds, as a value: repos, revisions, files, blobs. Other rows of upkeep/ work on it.

#include <hubcache/os/file.hpp>
#include <hubcache/work/workers.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// A file that holds bytes in a repo's folder: a blob, or a plain file of a snapshot.
struct census_content {
  census_content() = default;

  /// The blob's file name, its etag. Of a plain file: what `trees/<commit>.json` says, or empty.
  std::string name;
  std::string path;        ///< Absolute, below the repo's folder.
  std::string payload;     ///< Absolute, of the bytes: `path`, or where its symlink leads.
  os::file_status status;  ///< Of the payload.
  bool blob = true;        ///< It lies in blobs/.

  friend bool operator==(const census_content&, const census_content&) = default;
};
static_assert(!std::is_aggregate_v<census_content>);

/// One name in a snapshot.
struct census_entry {
  census_entry() = default;

  std::string path;                    ///< In the repo.
  std::optional<std::size_t> content;  ///< Of census_repo::contents; none if it leads nowhere.

  friend bool operator==(const census_entry&, const census_entry&) = default;
};
static_assert(!std::is_aggregate_v<census_entry>);

/// One snapshot.
struct census_revision {
  census_revision() = default;

  std::string commit;                 ///< 40 hex.
  std::string path;                   ///< Absolute, of the snapshot.
  std::vector<census_entry> entries;  ///< Sorted by path.
  std::vector<std::string> refs;      ///< That name it, sorted.
  std::int64_t modified_ns = 0;       ///< Newest mtime of its contents, else of the folder.

  friend bool operator==(const census_revision&, const census_revision&) = default;
};
static_assert(!std::is_aggregate_v<census_revision>);

/// A file that was being filled.
struct census_partial {
  census_partial() = default;

  std::string path;  ///< Absolute.
  os::file_status status;  ///< Of the file.

  friend bool operator==(const census_partial&, const census_partial&) = default;
};
static_assert(!std::is_aggregate_v<census_partial>);

/// What one repo's folder holds.
struct census_repo {
  census_repo() = default;

  std::string type;                         ///< "model", "dataset", "space" or "kernel".
  std::string id;                           ///< "owner/name".
  std::string path;                         ///< Absolute, of its folder.
  std::string real_path;                    ///< `path`, or the folder that it leads to if it is a symlink.
  os::file_status status;                   ///< Of that folder.
  std::vector<census_content> contents;     ///< Sorted by path; blobs that no snapshot names included.
  std::vector<census_revision> revisions;   ///< Sorted by commit.
  std::map<std::string, std::string> refs;  ///< Name -> commit, as on disk.
  std::vector<census_partial> partials;     ///< Files that were being filled.

  /// "model/owner/name": as `hf cache ls` prints it and `cache rm` takes it.
  [[nodiscard]] std::string label() const { return type + "/" + id; }

  friend bool operator==(const census_repo&, const census_repo&) = default;
};
static_assert(!std::is_aggregate_v<census_repo>);

/// Something that is not as it should be; the census goes on without it.
struct census_problem {
  census_problem() = default;
  /// Sets path, text and unreadable.
  census_problem(std::string p, std::string t, bool u = false)
      : path(std::move(p)), text(std::move(t)), unreadable(u) {}

  std::string path;         ///< Absolute.
  std::string text;         ///< What is wrong, for people.
  bool unreadable = false;  ///< It could not be read, so the census may lack what it holds.

  friend bool operator==(const census_problem&, const census_problem&) = default;
};
static_assert(!std::is_aggregate_v<census_problem>);

/// What a Hub cache holds.
struct census {
  census() = default;

  std::string cache_dir;           ///< Absolute.
  std::int64_t begun_ns = 0;       ///< When it was begun, since 1970.
  std::vector<census_repo> repos;  ///< Sorted by label.
  std::vector<census_problem> problems;  ///< What is not as it should be.

  friend bool operator==(const census&, const census&) = default;
};
static_assert(!std::is_aggregate_v<census>);

/// Looks at all of `cache_dir` and changes nothing; hashes nothing, opens no blob. Repos are looked at in parallel.
/// What cannot be read or understood becomes a problem. Symlinks are resolved, loops are problems, no repo's
/// folder is left through a symlink; a repo's folder may be one, unless it is a second way to what lies in the cache. A missing cache is an empty one. Once `stop` is requested the result is
/// incomplete. It waits for the disk more than it computes: give it more threads than there are cores.
[[nodiscard]] HUBCACHE_DECL census take_census(const std::string& cache_dir, workers& pool,
                                               const std::stop_token& stop = {});

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/census.ipp>
#endif
