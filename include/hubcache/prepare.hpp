#pragma once
/// @file
/// From what the user asked to a plan: ask the Hub (or the cache) for commit and listing, look at this machine.

#include <hubcache/error.hpp>
#include <hubcache/plan/plan.hpp>
#include <hubcache/services.hpp>
#include <hubcache/source/hub_source.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// Makes the plan of one snapshot. Changes nothing on disk.
///
/// Requests: one for a branch or tag, none for a commit; one for a hundred chosen files if their scans are required; the listing's pages if `trees/<commit>.json` is not on
/// disk; one or two more if content of a gated or private repo could be linked and nothing has proved yet that
/// this caller is let in. None offline.
/// If the Hub cannot be reached (network failures, 429, 5xx) and the snapshot is complete in the cache, the plan
/// is made from the cache, with a warning in plan::warnings.
/// @throws error
[[nodiscard]] HUBCACHE_DECL asio::awaitable<plan> prepare(services with, repo which,
                                                          snapshot_options options);

namespace detail {

/// Whether this caller may have the repo's content linked from elsewhere on this machine.
enum class access : std::uint8_t {
  unknown,  ///< The listing came from disk: nobody asked the Hub yet.
  open,     ///< The Hub showed this caller what it hides from those not let in.
  gated,    ///< Gated, and nothing has proved that this caller is let in.
};

/// A plan before anybody looked at this machine: listing and folders are known, steps are not.
struct plan_draft {
  plan_draft() = default;

  plan what;
  access seen = access::unknown;
  bool asked = false;    ///< The listing is the one that the Hub means.
  bool partial = false;  ///< The listing is that of a snapshot folder, which may lack files.
  std::shared_ptr<const error> unreachable;  ///< Set if the cache serves because the Hub cannot be reached.
};
static_assert(!std::is_aggregate_v<plan_draft>);

/// Commit and listing, from the Hub or the cache. @throws error
[[nodiscard]] HUBCACHE_DECL asio::awaitable<plan_draft> draft_plan(services with, hub_source& hub, repo which,
                                                                   snapshot_options options);

/// The same without a word from the Hub: of a commit, or offline. None if the cache's own tree files do not tell.
/// @throws error errc::invalid_argument
[[nodiscard]] HUBCACHE_DECL std::optional<plan> draft_from_cache(const settings& config, repo which,
                                                                 snapshot_options options);

/// Looks at this machine. @throws error
[[nodiscard]] HUBCACHE_DECL asio::awaitable<plan> complete_plan(services with, hub_source& hub,
                                                                plan_draft draft);

/// Lets links from other repos stand only if the Hub lets this caller in; sets plan::let_in.
/// @throws error what the Hub says to a caller whom it does not let in
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> pass_gate(plan& draft, hub_source& hub, access seen);

/// Asks the index again for what is not present, and drops the places that are gone. Blocking.
[[nodiscard]] HUBCACHE_DECL plan look_for_places(plan draft, const settings& config, index_ref index);

/// The repo of `draft`, for errors.
[[nodiscard]] HUBCACHE_DECL error_context context_of(const plan& draft);

/// The failure to tell the user, given that `e` was met although the cache should serve because of `unreachable`; a file
/// that a `partial` listing lacks may be in the repo all the same.
[[nodiscard]] HUBCACHE_DECL error failure_to_tell(const error& e,
                                                  const std::shared_ptr<const error>& unreachable,
                                                  bool partial, const error_context& context);

[[nodiscard]] HUBCACHE_DECL double seconds_since(std::chrono::steady_clock::time_point begun);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/prepare.ipp>
#endif
