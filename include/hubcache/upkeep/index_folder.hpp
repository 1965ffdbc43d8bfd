#pragma once
/// @file
/// Plain folders, such as ComfyUI's models: their files have no digests for names, so they are hashed, on request, and
/// again only where they changed. A plan first: what is known, what has to be read.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/work/workers.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Which files of a folder are indexed.
struct folder_options {
  folder_options() = default;

  /// Bytes; smaller files are left alone, empty ones always. Small files are shared, too, and cost next to nothing.
  std::uint64_t min_size = 1;
  std::vector<std::string> skipped;  ///< Absolute paths of folders that are not entered.

  friend bool operator==(const folder_options&, const folder_options&) = default;
};
static_assert(!std::is_aggregate_v<folder_options>);

/// What `folder` (any path to it) is as a store: its real path, and whose layout it has. Only stores that are mutable
/// need index_folder(): the files of others are known by their names.
/// @throws error errc::invalid_argument if it is no folder; errc::refused if it is "/", lies in the own cache or state
/// folder or within an immutable store, or on a file system that holds no data (/proc, /sys).
[[nodiscard]] HUBCACHE_DECL store folder_to_index(const std::string& folder, const settings& config);

/// Folders below `folder` (a real path) that are not its own: hubcache's, and immutable stores.
[[nodiscard]] HUBCACHE_DECL std::vector<std::string> foreign_folders(const std::string& folder,
                                                                     const settings& config);

/// A file that has to be read.
struct folder_file {
  folder_file() = default;

  std::string path;        ///< Absolute.
  std::uint64_t size = 0;  ///< Bytes.
  /// Digests under which this path is in the index: wrong if it holds something else by now.
  std::vector<digest> recorded;
  /// The sha256 of what this path or this inode held when it was hashed last, if it had the same size and `fingerprint`:
  /// a file that was touched or moved needs no second hash.
  std::optional<digest> expected;
  std::uint64_t fingerprint = 0;  ///< XXH3 of what it held then; 0 if none was taken.

  friend bool operator==(const folder_file&, const folder_file&) = default;
};
static_assert(!std::is_aggregate_v<folder_file>);

/// Something that could not be read.
struct folder_problem {
  folder_problem() = default;
  /// Sets path and text.
  folder_problem(std::string p, std::string t) : path(std::move(p)), text(std::move(t)) {}

  std::string path;  ///< Absolute.
  std::string text;  ///< For people.

  friend bool operator==(const folder_problem&, const folder_problem&) = default;
};
static_assert(!std::is_aggregate_v<folder_problem>);

/// Files, and the sum of their sizes.
struct file_count {
  std::size_t files = 0;    ///< Their number.
  std::uint64_t bytes = 0;  ///< Sum of their sizes.

  /// Counts one more file of `size` bytes.
  void add(std::uint64_t size) noexcept {
    ++files;
    bytes += size;
  }

  friend bool operator==(const file_count&, const file_count&) = default;
};

/// What is known of a folder, and what has to be read.
struct folder_plan {
  folder_plan() = default;

  file_count unchanged;                  ///< The index knows them as they are.
  std::vector<folder_file> to_read;      ///< Largest first: the last ones then fit between the workers.
  std::vector<index_record> gone;        ///< Records of files that are not there any more.
  std::size_t symlinks = 0;              ///< Left alone, whatever they lead to.
  std::size_t hidden = 0;                ///< Folders whose names begin with a dot; left alone.
  std::vector<folder_problem> problems;  ///< Folders that cannot be read. Their files stay in the index.

  bool complete = false;  ///< Not stopped; else it is empty.

  /// Sum over to_read.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t bytes_to_read() const noexcept;

  friend bool operator==(const folder_plan&, const folder_plan&) = default;
};
static_assert(!std::is_aggregate_v<folder_plan>);

/// Walks `folder` (absolute, symlinks resolved) and compares it with the index; opens no file and changes nothing.
/// Follows no symlink and enters every folder once, file systems mounted below it included. Blocking; one stat per
/// file and one pass over the index. Once `stop` is requested, it ends.
/// @throws error if `folder` itself cannot be opened.
[[nodiscard]] HUBCACHE_DECL folder_plan plan_folder(const std::string& folder, const folder_options& options,
                                                    const index_ref& index, const std::stop_token& stop = {});

/// How one file gets on.
struct folder_progress {
  /// What happened.
  enum class step : unsigned char { begun, read, ended };

  folder_progress() = default;
  /// Sets what, file and bytes.
  folder_progress(step s, const folder_file& f, std::uint64_t n) : what(s), file(&f), bytes(n) {}

  step what = step::begun;            ///< What happened.
  const folder_file* file = nullptr;  ///< Of the plan.
  std::uint64_t bytes =
      0;  ///< With `read`: that many more. They may exceed the file's size if it is read again.

  /// `file` by its address: two reports of one file of one plan.
  friend bool operator==(const folder_progress&, const folder_progress&) = default;
};
static_assert(!std::is_aggregate_v<folder_progress>);
/// Called by one thread at a time, on any.
using folder_observer = std::function<void(const folder_progress&)>;

/// What became of a folder_plan.
struct folder_report {
  folder_report() = default;

  file_count hashed;  ///< Read and recorded.
  file_count
      compared;  ///< Changed times or place, but have the size and fingerprint they had when they were hashed.
  file_count failed;  ///< Could not be read, or changed while they were, twice. They are in `problems`.
  std::size_t vanished = 0;  ///< Were there when the plan was made.
  std::vector<folder_problem> problems;  ///< Files that failed.
  bool complete = false;  ///< Not stopped before the end.

  friend bool operator==(const folder_report&, const folder_report&) = default;
};
static_assert(!std::is_aggregate_v<folder_report>);

/// Files up to this size are hashed by both algorithms: the Hub keeps none larger than 10 MB outside LFS, by git sha1.
inline constexpr std::uint64_t largest_git_file = 10 * 1024 * 1024;

/// Reads the files of `plan`, in parallel, and records what they hold; at last, forgets what is gone. Larger files that
/// may only have been touched or moved are compared by XXH3, at the speed of memory: it tells accidents, not attacks.
/// A file written to within the last two seconds is recorded as a claim, as it may change within one tick of its clock.
/// Records reach the index within a second, so that after an interruption a new plan goes on where this one ended.
/// Blocking; `pool` helps the calling thread.
[[nodiscard]] HUBCACHE_DECL folder_report index_folder(const folder_plan& plan, const hash_set_ref& hashes,
                                                       index_ref index, workers& pool,
                                                       const folder_observer& progress = {},
                                                       const std::stop_token& stop = {});

/// Files of the index in `folder` whose content lies in `cache_dir` as well, under another inode.
[[nodiscard]] HUBCACHE_DECL file_count shared_with_cache(const std::string& folder,
                                                         const std::string& cache_dir,
                                                         const index_ref& index);

/// Forgets every record of a file in `folder`, those in `skipped` folders excepted.
/// @return The number of files.
HUBCACHE_DECL std::size_t forget_folder(const std::string& folder, const std::vector<std::string>& skipped,
                                        index_ref index);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/index_folder.ipp>
#endif
