#pragma once
/// @file
/// The one retry policy, for metadata and content alike. Pure.

#include <hubcache/error.hpp>
#include <hubcache/settings.hpp>

#include <chrono>
#include <optional>

namespace hubcache::inline v0_1 {

/// Attempts of one request or transfer so far.
struct retry_state {
  int failures = 0;                ///< In a row.
  bool reached = false;            ///< The server answered before: that it cannot be reached now may pass.
  std::chrono::seconds waited{0};  ///< As the server told us to.
  std::chrono::seconds patience{6 * 3600};  ///< Bound of `waited`.

  /// Something arrived: what moves is never given up.
  void progress() noexcept {
    failures = 0;
    reached = true;
    waited = std::chrono::seconds(0);
  }
};

/// How long to pause before the next attempt, or none to give up. `server_wait` is what the server asked for
/// (Retry-After, RateLimit): such waits use up no attempt, but all together at most `state.patience`. To wait for 0 s
/// is to be told nothing.
/// @param noise in [0, 1): spreads the pauses of many clients.
[[nodiscard]] HUBCACHE_DECL std::optional<std::chrono::milliseconds> next_attempt(
    const settings& config, retry_state& state, errc failure, std::optional<std::chrono::seconds> server_wait,
    double noise);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/retry.ipp>
#endif
