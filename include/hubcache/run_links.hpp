#pragma once
/// @file
/// The first phase of a run: links, in batches.

#include <hubcache/run_state.hpp>

#include <asio/awaitable.hpp>

#include <cstddef>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// Links every step that has places, many contents to a job. Those that cannot be linked become fetches.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> link_all(run_state& run);

/// The same for these steps, in one job.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> link_some(run_state& run, std::vector<std::size_t> chosen);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run_links.ipp>
#endif
