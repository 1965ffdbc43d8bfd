#pragma once
/// @file
/// Independent pieces of blocking work on all workers, waited for.

#include <hubcache/work/workers.hpp>

#include <cstddef>
#include <functional>
#include <stop_token>

namespace hubcache::inline v0_1 {

/// Calls `work(i)` for each i < count, in order of i, on the caller's thread and on `pool` at the same time; returns
/// when all have returned. No more begin once `stop` is requested. Progress does not depend on the pool: the
/// caller's thread alone would finish. The first exception of a call is rethrown, after the others ended.
HUBCACHE_DECL void for_each_index(workers& pool, std::size_t count,
                                  const std::function<void(std::size_t)>& work, const std::stop_token& stop);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/for_each.ipp>
#endif
