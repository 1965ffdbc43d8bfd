#pragma once
/// @file
/// Carries out a plan: links, fetches, the view, what is remembered of it.

#include <hubcache/plan/plan.hpp>
#include <hubcache/services.hpp>

#include <asio/awaitable.hpp>

namespace hubcache::inline v0_1 {

/// Runs `what` and returns the snapshot. Links come first, then fetches (largest first), then the view's entries,
/// `trees/<commit>.json`, and the ref last; so a name under snapshots/ always leads to complete, verified content.
///
/// A link that does not hold any more becomes a fetch. Content that another process is moving is left for last and
/// then looked up again. Free space is checked before the first byte.
/// @throws error the worst of the failures, if any content could not be had; the others are done and kept.
/// Cancellation: terminal. Partial files stay and are resumed by the next run; nothing is half published.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<snapshot> run(services with, plan what);

/// prepare(), then run().
[[nodiscard]] HUBCACHE_DECL asio::awaitable<snapshot> fetch_snapshot(services with, repo which,
                                                                     snapshot_options options);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run.ipp>
#endif
