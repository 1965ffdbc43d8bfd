#pragma once
/// @file
/// The one retry policy, for metadata and content alike. Pure.

#include <hubcache/error.hpp>
#include <hubcache/settings.hpp>

#include <chrono>
#include <optional>

namespace hubcache::inline v0_1 {

/// Attempts of one request or transfer so far. Progress resets it: what moves is never given up.
struct retry_state {
  int failures = 0;  ///< In a row.
  int waits = 0;     ///< How often the server told us to wait.
};

/// How long to pause before the next attempt, or none to give up. `server_wait` is what the server asked for
/// (Retry-After, RateLimit): such waits use up no attempt, but are bounded in number.
/// @param noise in [0, 1): spreads the pauses of many clients.
[[nodiscard]] HUBCACHE_DECL std::optional<std::chrono::milliseconds> next_attempt(
    const settings& config, retry_state& state, errc failure, std::optional<std::chrono::seconds> server_wait,
    double noise);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/retry.ipp>
#endif
