#pragma once
/// @file
/// From what the user asked to a plan: ask the Hub (or the cache) for commit and listing, look at this machine.

#include <hubcache/plan/plan.hpp>
#include <hubcache/services.hpp>

#include <asio/awaitable.hpp>

namespace hubcache::inline v0_1 {

/// Makes the plan of one snapshot. Changes nothing on disk.
///
/// Requests: one for a branch or tag, none for a commit; the listing's pages if trees/<commit>.json is not on
/// disk; one or two more if content of a gated or private repo could be linked and nothing has proved yet that
/// this caller is let in. None offline.
/// If the Hub cannot be reached (network failures, 429, 5xx) and the snapshot is complete in the cache, the plan
/// is made from the cache, with a warning in plan::warnings.
/// @throws error
[[nodiscard]] HUBCACHE_DECL asio::awaitable<plan> prepare(services with, repo which,
                                                          snapshot_options options);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/prepare.ipp>
#endif
