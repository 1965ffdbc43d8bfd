#pragma once
/// @file
/// Where names are made, and what became of content that got names there.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/content_index.hpp>
#include <hubcache/link_kind.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store/inspection.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Where names are made: blobs/ of a repo, or a view of plain files.
struct destination {
  destination() = default;

  std::string base;           ///< Absolute; exists. Below it no symlink is followed.
  std::string root;           ///< `base`, or a folder below it.
  bool plain_files = false;   ///< Users edit what lies there: no hard links into it, a mutable store.
  std::uint32_t mode = 0444;  ///< Of new files.
};
static_assert(!std::is_aggregate_v<destination>);

/// The record that the file with this identity, at `path`, was found to hold `name` just now.
[[nodiscard]] HUBCACHE_DECL index_record verified_record(const digest& name, const std::string& path,
                                                         const os::file_identity& identity, mutability store);

/// Content that has got its names, or why not.
struct placed_content {
  placed_content() = default;

  std::optional<std::string> target;  ///< Absolute path of the first name; none if nothing was placed.
  std::optional<link_kind> link;      ///< How, if it was linked.
  std::string source;                 ///< From where, if it was linked.
  std::vector<link_refusal> refused;  ///< Why it was not linked by a better kind; best first.
  std::uint64_t allocated = 0;        ///< Bytes that new inodes occupy; shared blocks do not count.
  std::vector<index_record> records;  ///< What is known now: for the index.
  std::vector<index_record> stale;    ///< What turned out wrong: to be forgotten.
  std::vector<std::string> warnings;  ///< One sentence each.
  std::error_code failure;            ///< Of the last attempt, if nothing was placed.
  std::optional<hubcache::objection> objection;  ///< Why its bytes may have no name; then nothing was placed.
};
static_assert(!std::is_aggregate_v<placed_content>);

namespace detail {

/// Renames `temporary` to `target` below the destination, over what has that name; its parents are made, no symlink
/// is followed. In the mode fsync_mode::each the folder is synced. (Over another name of its own inode `temporary` is
/// left where it is.)
/// @param root the destination's root, open.
HUBCACHE_DECL void give_name(const destination& where, const os::folder& root, const std::string& temporary,
                             const std::string& target, fsync_mode mode, std::error_code& ec);
/// The same, once: opens the root.
HUBCACHE_DECL void give_name(const destination& where, const std::string& temporary,
                             const std::string& target, fsync_mode mode, std::error_code& ec);

[[nodiscard]] HUBCACHE_DECL mutability store_of(const destination& where) noexcept;

/// Adds what is learned of a twin: the other digest of the file at `path`, if it is small.
HUBCACHE_DECL void add_twin(std::vector<index_record>& records, const std::string& path, const content& what,
                            const hash_set_ref& hashes, mutability store);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/destination.ipp>
#endif
