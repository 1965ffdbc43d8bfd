#pragma once

#include <hubcache/source/retry.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::optional<std::chrono::milliseconds> next_attempt(
    const settings& config, retry_state& state, errc failure, std::optional<std::chrono::seconds> server_wait,
    double noise) {
  int limit = config.attempts;
  switch (failure) {
    case errc::timed_out:
      if (!state.reached) limit = std::min(limit, 3);  // each attempt has cost a whole timeout already
      break;
    case errc::connection_lost:
    case errc::server_failed:
    case errc::rate_limited:
      break;
    // Hardly ever passing: say so soon.
    case errc::host_not_found:
    case errc::connection_failed:
      if (!state.reached) limit = std::min(limit, 2);
      break;
    case errc::proxy_failed:
      if (!state.reached) return std::nullopt;
      [[fallthrough]];  // it served before
    case errc::digest_mismatch:
    case errc::size_mismatch:
    case errc::bad_response:
      limit = std::min(limit, 3);
      break;
    default:
      return std::nullopt;
  }
  const bool told = server_wait.value_or(std::chrono::seconds(0)) > std::chrono::seconds(0);
  if (told && (failure == errc::rate_limited || failure == errc::server_failed)) {
    state.waited += *server_wait;
    if (state.waited > state.patience) return std::nullopt;
    return *server_wait;
  }
  if (++state.failures >= limit) return std::nullopt;
  const auto factor = std::min(1 << std::min(state.failures - 1, 4), 16);
  const auto pause = static_cast<double>((config.retry_pause * factor).count()) * (0.75 + 0.5 * noise);
  return std::chrono::milliseconds(static_cast<std::int64_t>(pause));
}

}  // namespace hubcache::inline v0_1
