#pragma once
/// @file
/// Giving complete, verified content its final names. Blocking; every name appears by rename, with its whole
/// content behind it.

#include <hubcache/index/index_ref.hpp>
#include <hubcache/link/link_ref.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/destination.hpp>
#include <hubcache/store/partial.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// A filled, verified partial that waits for its names. Holds the lock of its content.
struct verified_partial {
  verified_partial() = default;

  std::size_t step = 0;                ///< In the run's plan.
  std::vector<std::string> targets;    ///< Names that it gets.
  std::shared_ptr<partial> file;       ///< Complete and verified.
  std::shared_ptr<content_lock> lock;  ///< Held until it is published.
  inspection rules;  ///< What does not meet them is not named, and stays a partial.
};
static_assert(!std::is_aggregate_v<verified_partial>);

/// Syncs a batch as `mode` says, names it, records it, and only then releases its locks: who gets one of them finds
/// the content. One result per element, in order.
/// @param stop ends the making of further targets, which has then failed
[[nodiscard]] HUBCACHE_DECL std::vector<placed_content> publish(std::vector<verified_partial> batch,
                                                                const destination& where, fsync_mode mode,
                                                                const hash_set_ref& hashes,
                                                                const link_ref& links, index_ref index,
                                                                const std::stop_token& stop = {});

/// Content up to this size (bytes) is fetched whole into memory, hashed by both algorithms there, and written once.
inline constexpr std::uint64_t whole_limit = 1024 * 1024;

/// All bytes of a small content, not verified yet. Holds the lock of the content.
struct whole_content {
  whole_content() = default;

  content what;                        ///< Its name and size, verified by publish().
  std::vector<std::string> targets;    ///< Names that it gets.
  std::unique_ptr<std::byte[]> bytes;  ///< `what.size` of them.
  std::shared_ptr<content_lock> lock;  ///< Held until it is published.
  inspection rules;  ///< What does not meet them is not written.
};
static_assert(!std::is_aggregate_v<whole_content>);

/// What became of a whole_content.
struct published_content {
  published_content() = default;

  placed_content placed;  ///< Where it lies; void if it was altered.
  std::optional<digest>
      altered;  ///< The digest of the bytes if they are not the content: then nothing is placed.
};
static_assert(!std::is_aggregate_v<published_content>);

/// The same for content in memory: verifies each, writes those that are right to unique temporaries in the folder
/// `scratch` (below `where.base`), syncs the batch as `mode` says, names and records it, and then releases its locks. One
/// result per element, in order.
[[nodiscard]] HUBCACHE_DECL std::vector<published_content> publish(
    std::vector<whole_content> batch, const destination& where, const std::string& scratch, fsync_mode mode,
    const hash_set_ref& hashes, const link_ref& links, index_ref index);

/// An entry of a snapshot.
struct symlink_entry {
  symlink_entry() = default;
  std::string path;  ///< In the repo.
  digest name;       ///< Names its blob.
};
static_assert(!std::is_aggregate_v<symlink_entry>);
/// Makes the symlink entries `snapshots/<commit>/<path>` -> blobs in `view`, below `base`; equal ones are left alone, and
/// so are, unless `force`, files that hold other bytes than their blob: a user made them his own (make_private()).
/// @return the paths of the files that were left alone.
/// @throws error if an entry cannot be made, or a symlink stands where a folder belongs.
HUBCACHE_DECL std::vector<std::string> make_entries(const std::string& base, const std::string& view,
                                                    const std::vector<symlink_entry>& entries, bool force);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/publish.ipp>
#endif
