#pragma once
/// @file
/// Looks into files of a repo before anything is fetched: for plans that depend on what an index or a header says.

#include <hubcache/listing.hpp>
#include <hubcache/plan/plan.hpp>
#include <hubcache/services.hpp>
#include <hubcache/source/hub_source.hpp>

#include <asio/awaitable.hpp>

#include <cstdint>
#include <string>

namespace hubcache::inline v0_1::detail {

/// Bytes of one file of a draft's listing, for planning: from this repo's own blob if it is there, whole or not at all, or
/// from where a completed plan links it, else from the Hub by a Range request; retried as metadata is. Nothing is written.
/// Offline: from this machine alone.
/// Several may run at a time on one source. Memory: the part, and 64 KiB.
/// @param draft, file  outlive the call
/// @param part   within the file; an `end` beyond it is cut
/// @throws error errc::not_cached offline, or what the network said; the file is named
[[nodiscard]] HUBCACHE_DECL asio::awaitable<std::string> peek(services with, hub_source& hub,
                                                              const plan& draft, const file_entry& file,
                                                              content_part part);

/// The whole of a small file, verified against the listing's digest.
/// @throws error as peek(); errc::malformed_file if it is longer than `at_most`; errc::digest_mismatch
[[nodiscard]] HUBCACHE_DECL asio::awaitable<std::string> peek_whole(services with, hub_source& hub,
                                                                    const plan& draft, const file_entry& file,
                                                                    std::uint64_t at_most);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/peek.ipp>
#endif
