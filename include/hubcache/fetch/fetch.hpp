#pragma once
/// @file
/// One content from the Hub into one partial file, verified.

#include <hubcache/event.hpp>
#include <hubcache/fetch/partial_sink.hpp>
#include <hubcache/fetch/slots.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/store/partial.hpp>
#include <hubcache/work/workers.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <memory>
#include <string>

namespace hubcache::inline v0_1 {

/// What the fetches of one run work with; what it refers to outlives them.
struct fetch_services {
  /// All of them; makes the buffers, which are used on `executor`.
  HUBCACHE_DECL fetch_services(const settings& c, hub_source& s, workers& w, observer_ref o,
                               exchange_slots& e, const asio::any_io_executor& executor);

  const settings& config;                ///< The cache's settings.
  hub_source& source;                    ///< Where content comes from.
  workers& pool;                         ///< For what blocks.
  observer_ref observer;                 ///< Of the run.
  exchange_slots& slots;                 ///< Bounds the exchanges in flight.
  std::shared_ptr<buffer_ring> buffers;  ///< Bounds the memory.
};

/// Fills `into` with the content of `path`: fetches what is missing in ranges,
/// as many at a time as `with.slots` gives, nearest the frontier first; retries
/// what may pass, and hashes behind the transfer. When it returns, `into` holds
/// complete, verified content, not yet synced or named.
/// @throws error errc::digest_mismatch or size_mismatch after bounded retries,
/// a disk error, or what the network
///         said last. The partial keeps every byte that may be good.
/// Cancellation: terminal; bytes received so far are kept.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> fetch_content(fetch_services& with, const repo& which,
                                                                const std::string& commit,
                                                                const std::string& path,
                                                                std::shared_ptr<partial> into);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/fetch.ipp>
#endif
