#pragma once
/// @file
/// Giving complete, verified content its final names. Blocking; every name appears by rename, with its whole
/// content behind it.

#include <hubcache/index/index_ref.hpp>
#include <hubcache/link/link_ref.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store/confirm.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/partial.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
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
  std::uint64_t allocated = 0;        ///< Bytes that new inodes occupy; shared blocks do not count.
  std::vector<index_record> records;  ///< What is known now: for the index.
  std::vector<index_record> stale;    ///< What turned out wrong: to be forgotten.
  std::vector<std::string> warnings;  ///< One sentence each.
  std::error_code failure;            ///< Of the last attempt, if nothing was placed.
};
static_assert(!std::is_aggregate_v<placed_content>);

/// Links `what` from the first of `places` that still holds it to all `targets` (relative to `where.root`).
/// @param scratch path beside which temporary names are made, on the file system of `where`.
[[nodiscard]] HUBCACHE_DECL placed_content link_content(const content& what, const std::vector<place>& places,
                                                        const std::vector<std::string>& targets,
                                                        const destination& where, const std::string& scratch,
                                                        link_kinds allowed, const hash_set_ref& hashes,
                                                        const link_ref& links, const std::stop_token& stop);

/// A filled, verified partial that waits for its names. Holds the lock of its content.
struct verified_partial {
  verified_partial() = default;

  std::size_t step = 0;
  std::vector<std::string> targets;
  std::shared_ptr<partial> file;
  std::shared_ptr<content_lock> lock;
};
static_assert(!std::is_aggregate_v<verified_partial>);

/// Syncs a batch as `mode` says, names it, records it, and only then releases its locks: who gets one of them finds
/// the content. One result per element, in order.
[[nodiscard]] HUBCACHE_DECL std::vector<placed_content> publish(std::vector<verified_partial> batch,
                                                                const destination& where, fsync_mode mode,
                                                                const hash_set_ref& hashes,
                                                                const link_ref& links, index_ref index);

/// An entry of a snapshot.
struct symlink_entry {
  symlink_entry() = default;
  std::string path;  ///< In the repo.
  digest name;
};
static_assert(!std::is_aggregate_v<symlink_entry>);
/// Makes the symlink entries snapshots/<commit>/<path> -> blobs in `view`, below `base`; equal ones are left alone.
/// @throws error if an entry cannot be made, or a symlink stands where a folder belongs.
HUBCACHE_DECL void make_entries(const std::string& base, const std::string& view,
                                const std::vector<symlink_entry>& entries);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/publish.ipp>
#endif
