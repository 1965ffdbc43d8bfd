#pragma once
/// @file
/// Lock files: which files of which commits, with size and sha256. Who installs one gets these bytes or an error.
///
///     {
///      "format": "hubcache-lock",
///      "version": 1,
///      "repos": [
///       {
///        "type": "model",
///        "id": "acme/llm",
///        "commit": "0123456789abcdef0123456789abcdef01234567",
///        "files": [
///         {"path": "config.json", "size": 665, "sha256": "7cf7c532..."},
///         {"path": "model.safetensors", "size": 548105171, "sha256": "248dfc39..."}
///        ]
///       }
///      ]
///     }
///
/// One line a file, sorted: a change of a file is a change of a line. Written with equal content, equal bytes.

#include <hubcache/digest.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/repo.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One file of a lock.
struct locked_file {
  locked_file() = default;
  /// Sets path, size and sha256.
  locked_file(std::string p, std::uint64_t s, const digest& d) : path(std::move(p)), size(s), sha256(d) {}

  std::string path;  ///< In the repo; safe by is_safe_path().
  std::uint64_t size = 0;  ///< In bytes.
  digest sha256;           ///< Of the content.

  friend bool operator==(const locked_file&, const locked_file&) = default;
};
static_assert(!std::is_aggregate_v<locked_file>);

/// Some or all files of one commit, at least one.
struct locked_repo {
  locked_repo() = default;

  hubcache::repo repo;             ///< Which is locked.
  std::string commit;              ///< 40 hex.
  std::vector<locked_file> files;  ///< Sorted by path, each path once.

  /// The entry of `path`, or nullptr. O(log n).
  [[nodiscard]] HUBCACHE_DECL const locked_file* find(std::string_view path) const;

  friend bool operator==(const locked_repo&, const locked_repo&) = default;
};
static_assert(!std::is_aggregate_v<locked_repo>);

/// Sorted by type and id, each repo once.
struct lock_file {
  lock_file() = default;

  std::vector<locked_repo> repos;  ///< Sorted by type, then by id.

  /// The entry of `which`, or nullptr. O(n).
  [[nodiscard]] HUBCACHE_DECL const locked_repo* find(const repo& which) const;

  friend bool operator==(const lock_file&, const lock_file&) = default;
};
static_assert(!std::is_aggregate_v<lock_file>);

/// Reads a lock file. Strict: the members above and no others, every value of its form, no file or repo twice, no path
/// that is a folder of another. Safe with any bytes, at most 256 MiB of them; O(n log n).
/// @throws error errc::invalid_argument that tells where, and what was expected there.
[[nodiscard]] HUBCACHE_DECL lock_file parse_lock_file(std::string_view text);

/// The text of a lock file; `lock` is sorted first. O(n log n).
/// @throws error errc::invalid_argument if it names a repo or a path twice.
[[nodiscard]] HUBCACHE_DECL std::string format_lock_file(lock_file lock);

namespace detail {

/// Brings `lock` into its order. @throws error errc::invalid_argument if it names a repo or a path twice.
HUBCACHE_DECL void sort_locked(lock_file& lock);

}  // namespace detail

/// Compares a lock with the listing of the commit that was found instead: same commit; every locked file is listed, with
/// its size and, where the Hub tells one, its sha256.
/// @throws error errc::lock_mismatch that names the first deviation, with both values.
HUBCACHE_DECL void require_as_locked(const locked_repo& lock, const listing& found);

/// Whether all of `files` are locked. @throws error errc::lock_mismatch that names the first that is not.
HUBCACHE_DECL void require_locked(const locked_repo& lock, std::span<const file_entry* const> files);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_lock_file.ipp>
#endif
