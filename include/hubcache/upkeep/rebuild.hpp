#pragma once
/// @file
/// The index, made anew from what is known without hashing: its own records, as far as the files are still what they
/// say, and what the names in the stores say.

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store/scan.hpp>

#include <cstddef>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// What an index was made of anew.
struct rebuild_report {
  rebuild_report() = default;

  std::size_t verified = 0;  ///< Records of content that was hashed once, in files that did not change since.
  std::size_t dropped = 0;   ///< Records of files that are gone, or hold something else by now.
  /// Claims by store, the own cache first; those that lie in none are the last, with an empty path.
  std::vector<std::pair<store, std::size_t>> claims;
  std::vector<scan_problem> problems;  ///< What could not be read.
  bool complete = false;  ///< Not stopped before the end.

  friend bool operator==(const rebuild_report&, const rebuild_report&) = default;
};
static_assert(!std::is_aggregate_v<rebuild_report>);

/// Rebuilds `index`, which may be missing or damaged; files of other versions are left alone. Others may read it
/// meanwhile, and find in it what is right at every moment. Stopped or killed, it is a smaller index, which the next
/// scan or rebuild completes. Blocking: one stat per record, one per file of the stores.
/// @throws error errc::disk_failed if it cannot be written, or others write to it for more than ten seconds.
[[nodiscard]] HUBCACHE_DECL rebuild_report rebuild_index(mapped_index& index, const settings& config,
                                                         const std::stop_token& stop = {});

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/rebuild.ipp>
#endif
