#pragma once
/// @file
/// The shortest run: all that a snapshot shows is in its place already.

#include <hubcache/event.hpp>
#include <hubcache/plan/plan.hpp>
#include <hubcache/settings.hpp>

#include <optional>

namespace hubcache::inline v0_1 {

/// The snapshot of a commit, or of any revision if `config` says offline, if it is complete in the cache; see
/// basic_cache::cached(). Blocking; no request, no thread.
/// @throws error errc::invalid_argument
[[nodiscard]] HUBCACHE_DECL std::optional<snapshot> cached_snapshot(const settings& config, repo which,
                                                                    snapshot_options options,
                                                                    observer_ref observer);

namespace detail {

/// What a run of `draft` (listing and folders are set) would return, if it would find nothing to do: every selected
/// blob is there with its size, every entry is the link to it. None as soon as that is not so, or if it cannot be told
/// by looking at names and sizes. Looks under the lease of the repo, and records the use, and the ref if the Hub
/// named it. Creates no folder of the view, follows no symlink but blobs that are one. Blocking.
[[nodiscard]] HUBCACHE_DECL std::optional<snapshot> present_snapshot(const plan& draft,
                                                                     const settings& config);

/// Tells `observer` of the plan that had nothing to do.
HUBCACHE_DECL void announce_present(observer_ref observer, const snapshot& what);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run_present.ipp>
#endif
