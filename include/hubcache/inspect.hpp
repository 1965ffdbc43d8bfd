#pragma once
/// @file
/// Look before you fetch: the headers of weight files, read by Range requests.

#include <hubcache/plan/inspected.hpp>
#include <hubcache/plan/options.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/services.hpp>

#include <asio/awaitable.hpp>

#include <cstdint>

namespace hubcache::inline v0_1 {

/// What the tensors and metadata of one repo may take in memory. The largest models of today have some 10^5 tensors.
inline constexpr std::uint64_t max_inspected_memory = std::uint64_t{256} << 20U;

/// Plans the chosen files and reads the headers of their weights (*.safetensors, *.gguf, *.safetensors.index.json): from
/// this repo's blobs where they are here, else by Range, some files at a time; equal contents once, but for indexes. Changes
/// nothing on disk.
///
/// Memory: parsing a header takes up to ten times its bytes. At most 8 of up to 3 MiB are parsed at a time (240 MiB), longer
/// ones alone: up to 1 GiB for safetensors, whose headers end at 100 MB, and 2.5 GiB for GGUF, whose end at 256 MiB. What
/// they tell is kept up to max_inspected_memory.
///
/// A header that is malformed, longer than its format allows or more than may be kept is the problem of its file
/// (inspected_file::problem), not a failure.
/// @param options  which files, of which revision; local_dir must not be set; max_transfers bounds the files at a time
/// @throws error   as prepare(), and what the network said; errc::invalid_argument for a local_dir
/// Cancellation: terminal.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<inspected_repo> inspect(services with, repo which,
                                                                    snapshot_options options);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/inspect.ipp>
#endif
