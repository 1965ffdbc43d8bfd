#pragma once
/// @file
/// Why content lies on this machine: every place that holds it, and every repo that uses it.

#include <hubcache/digest.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/store.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/census.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One file that holds the content, or held it.
struct why_place {
  why_place() = default;

  std::string path;         ///< Absolute.
  std::optional<store> in;  ///< The store it lies in, if it is known.
  bool indexed = false;     ///< The index knows it; else a census found it.
  trust state = trust::claimed;  ///< Why the index believes it.
  bool exists = false;      ///< Now.
  bool unchanged = false;   ///< It is as it was when the index, or the census, saw it.
  std::uint64_t links = 0;  ///< Names of its inode now.
  std::uint64_t size = 0;   ///< Bytes: now, or when it was recorded if it is gone.

  friend bool operator==(const why_place&, const why_place&) = default;
};
static_assert(!std::is_aggregate_v<why_place>);

/// One file of a repo that is this content.
struct why_use {
  why_use() = default;

  std::string cache_dir;          ///< Absolute; of the Hub cache.
  std::string repo;               ///< census_repo::label()
  std::string commit;             ///< Empty if no revision names the blob any more.
  std::vector<std::string> refs;  ///< Of the commit.
  std::string path;               ///< In the repo; of a blob without a revision its name.
  bool pinned = false;            ///< A pin keeps it.

  friend bool operator==(const why_use&, const why_use&) = default;
};
static_assert(!std::is_aggregate_v<why_use>);

/// Where a content lies, and what for.
struct why_report {
  why_report() = default;

  std::vector<digest> names;          ///< Of the content, sorted: sha256, git sha1, or both.
  std::optional<std::uint64_t> size;  ///< Bytes.
  std::vector<why_place> places;      ///< Sorted by path.
  std::vector<why_use> uses;          ///< Sorted by cache, repo, commit, path.

  /// Whether it is anywhere.
  [[nodiscard]] bool found() const noexcept { return !places.empty() || !uses.empty(); }

  friend bool operator==(const why_report&, const why_report&) = default;
};
static_assert(!std::is_aggregate_v<why_report>);

/// Where to look.
struct why_scope {
  why_scope() = default;

  std::vector<store> stores;     ///< Known ones, the own cache included.
  std::vector<census> censuses;  ///< Of those that are Hub caches.
  std::vector<pin> pins;         ///< Of all caches.

  friend bool operator==(const why_scope&, const why_scope&) = default;
};
static_assert(!std::is_aggregate_v<why_scope>);

/// @param asked a digest in hex (upper or lower case, "sha256:" in front is dropped), at least its first 8 digits; or
///              else a path of a file.
/// Blocking; reads all of the index, and the status of what it names. An unknown digest or a missing file is an
/// empty report.
/// @throws error errc::invalid_argument if several contents' digests begin with `asked`, or it is empty.
[[nodiscard]] HUBCACHE_DECL why_report explain(std::string_view asked, index_ref index,
                                               const why_scope& scope);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/why.ipp>
#endif
