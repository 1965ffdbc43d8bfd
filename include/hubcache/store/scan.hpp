#pragma once
/// @file
/// Finds the blobs of a Hub cache that the index does not know yet. Nothing is hashed: blob names are digests, and
/// become claims.

#include <hubcache/index/index_ref.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What a scan saw. A value: nothing is recorded until remember_scan().
struct hub_scan {
  hub_scan() = default;

  /// Blobs the index does not know, or knows in another state; sorted by digest.
  std::vector<index_record> claims;
  std::map<std::string, std::int64_t> folders;  ///< Every blobs/ folder seen -> its mtime (ns) when read.
};
static_assert(!std::is_aggregate_v<hub_scan>);

/// Looks at every repo of the Hub cache `cache_dir` whose blobs/ folder changed since the scan remembered in
/// `state_dir`. Unreadable folders are skipped. Blocking; writes nothing.
/// Costs one stat per repo, and one per blob of changed repos.
[[nodiscard]] HUBCACHE_DECL hub_scan scan_hub_cache(const std::string& cache_dir,
                                                    const std::string& state_dir, index_ref index);

/// Records the claims, and what need not be read again. A failure costs only a later scan.
HUBCACHE_DECL void remember_scan(const hub_scan& scan, const std::string& state_dir, index_ref index);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/scan.ipp>
#endif
