#pragma once
/// @file
/// Confirms that a place holds what the index says, before anything is linked from it.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/content_index.hpp>
#include <hubcache/link/link_ref.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What became of one place.
struct confirmed_place {
  confirmed_place() = default;

  std::optional<opened_file> file;  ///< Set if the place holds the content.
  bool stale = false;               ///< It is gone or holds something else: forget it.
  bool hashed = false;  ///< It was a claim, and was hashed in a state that lasts (trust_after_hash()).
  std::string problem;  ///< Why not, for people.
};
static_assert(!std::is_aggregate_v<confirmed_place>);

/// Opens `where` and makes sure that it holds `what`: by its recorded identity if it is verified (or another name
/// of an inode that `siblings` has verified), else by hashing it. Blocking.
[[nodiscard]] HUBCACHE_DECL confirmed_place confirm(const place& where, const std::vector<place>& siblings,
                                                    const content& what, const hash_set_ref& hashes,
                                                    const std::stop_token& stop);

/// The record of a confirmed file that is still open, for the index; none if it was written to since.
[[nodiscard]] HUBCACHE_DECL std::optional<index_record> confirmed_record(const digest& name,
                                                                         const opened_file& have,
                                                                         mutability store);

/// How a file that was just hashed is believed later. One that users edit and that was written to within the last
/// two seconds stays a claim: it may change again within one tick of its timestamps.
[[nodiscard]] HUBCACHE_DECL trust trust_after_hash(const os::file_identity& now, mutability store) noexcept;

/// What may link `where`, given what the caller allows: a hard link from a mutable store, and a symlink anywhere,
/// only if that is the one kind asked for. A single kind falls back to a copy.
[[nodiscard]] HUBCACHE_DECL link_kinds kinds_for(const place& where, link_kinds allowed) noexcept;

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/confirm.ipp>
#endif
