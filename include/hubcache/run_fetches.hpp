#pragma once
/// @file
/// The second phase of a run: fetches what is nowhere on this machine.

#include <hubcache/run_state.hpp>

#include <asio/awaitable.hpp>

namespace hubcache::inline v0_1::detail {

/// Fetches every step that is to be fetched, and publishes in batches.
/// @throws error the worst failure, after the other contents are done
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> fetch_all(run_state& run);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run_fetches.ipp>
#endif
