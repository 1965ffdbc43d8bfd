#pragma once
/// @file
/// Pauses between attempts.

#include <hubcache/config.hpp>

#include <asio/awaitable.hpp>

#include <chrono>

namespace hubcache::inline v0_1 {

/// Suspends until `when`. Terminal cancellation ends it early with asio::error::operation_aborted.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> pause_until(std::chrono::steady_clock::time_point when);

/// A number in [0, 1) that other processes do not share.
[[nodiscard]] HUBCACHE_DECL double random_fraction();

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/pause.ipp>
#endif
