#pragma once
/// @file
/// One content from the Hub into one partial file, verified.

#include <hubcache/event.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/store/partial.hpp>
#include <hubcache/work/workers.hpp>

#include <asio/awaitable.hpp>

#include <memory>
#include <string>

namespace hubcache::inline v0_1 {

/// What a fetch works with; all outlive it.
struct fetch_services {
  fetch_services(const settings& c, hub_source& s, workers& w, observer_ref o)
      : config(c), source(s), pool(w), observer(o) {}

  const settings& config;
  hub_source& source;
  workers& pool;
  observer_ref observer;
};

/// Fills `into` with the content of `path`: resumes at its frontier, retries what may pass, and hashes behind the
/// transfer. When it returns, `into` holds complete, verified content, not yet synced or named.
/// @throws error errc::digest_mismatch or size_mismatch after bounded retries, a disk error, or what the network
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
