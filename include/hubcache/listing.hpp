#pragma once
/// @file
/// The tree of a commit as plain values.

#include <hubcache/digest.hpp>
#include <hubcache/repo.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One file of a listing.
struct file_entry {
  file_entry() = default;

  std::string path;        ///< Relative to the repo's root, '/' between segments; safe by is_safe_path().
  std::uint64_t size = 0;  ///< Of the content, in bytes.
  std::string blob_id;     ///< git's object id, 40 hex: of the content, or of the LFS pointer.
  bool lfs = false;        ///< Whether the file is stored by LFS (or Xet).
  std::optional<digest> sha256;  ///< LFS oid; none for regular files, and where `masked`.
  bool masked = false;           ///< The Hub hides the LFS oid from this caller: a gate.
  std::string xet_hash;          ///< 64 hex, or empty.
  /// The number of the file in the order in which the Hub reported them; of no weight in a comparison.
  std::uint32_t position = 0;

  /// The digest of the content: sha256 for LFS files, else git sha1. None if masked.
  [[nodiscard]] std::optional<digest> name() const { return lfs ? sha256 : digest::parse(blob_id); }

  /// Whether all but the positions is equal.
  friend bool operator==(const file_entry& a, const file_entry& b) {
    return a.path == b.path && a.size == b.size && a.blob_id == b.blob_id && a.lfs == b.lfs &&
           a.sha256 == b.sha256 && a.masked == b.masked && a.xet_hash == b.xet_hash;
  }
};
static_assert(!std::is_aggregate_v<file_entry>);

namespace detail {

/// The sum of two sizes, or the largest there is: a listing may claim what no sum holds.
[[nodiscard]] constexpr std::uint64_t bounded_sum(std::uint64_t a, std::uint64_t b) noexcept {
  return a + std::min(b, std::numeric_limits<std::uint64_t>::max() - a);
}

}  // namespace detail

/// All files of one commit, sorted by path, each path once.
struct listing {
  listing() = default;

  std::string commit;  ///< 40 hex.
  std::vector<file_entry> files;  ///< Sorted by path, each path once.

  /// Whether the Hub hides the hash of any file from this caller.
  [[nodiscard]] bool masked() const {
    return std::any_of(files.begin(), files.end(), [](const file_entry& f) { return f.masked; });
  }
  /// The entry of `path`, or nullptr. O(log n).
  [[nodiscard]] const file_entry* find(std::string_view path) const {
    const auto at = std::lower_bound(files.begin(), files.end(), path,
                                     [](const file_entry& f, std::string_view p) { return f.path < p; });
    return at != files.end() && at->path == path ? &*at : nullptr;
  }
  /// The files in the order in which the Hub reported them, else by path. O(n log n).
  [[nodiscard]] std::vector<const file_entry*> as_reported() const {
    std::vector<const file_entry*> result;
    for (const auto& file : files) result.push_back(&file);
    std::sort(result.begin(), result.end(), [](const file_entry* a, const file_entry* b) {
      return std::tie(a->position, a->path) < std::tie(b->position, b->path);
    });
    return result;
  }

  friend bool operator==(const listing&, const listing&) = default;
};
static_assert(!std::is_aggregate_v<listing>);

/// What the Hub's scans say of files, by path: "safe", "unsafe", "suspicious", "queued", "unscanned", ...
using scan_statuses = std::map<std::string, std::string, std::less<>>;

/// What the Hub says of a repo at a revision.
struct repo_info {
  repo_info() = default;

  std::string id;      ///< The repo's present id; differs from the one asked for after a rename.
  std::string commit;  ///< 40 hex.
  bool gated = false;  ///< Access is granted account by account.
  bool is_private = false;  ///< Others than its owners see that it does not exist.

  friend bool operator==(const repo_info&, const repo_info&) = default;
};
static_assert(!std::is_aggregate_v<repo_info>);

}  // namespace hubcache::inline v0_1
