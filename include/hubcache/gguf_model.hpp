#pragma once
/// @file
/// One GGUF model of a repo, chosen as llama.cpp does: select/gguf.hpp.

#include <hubcache/bundle.hpp>
#include <hubcache/plan/options.hpp>
#include <hubcache/select/gguf.hpp>

#include <asio/awaitable.hpp>

namespace hubcache::inline v0_1 {

/// Plans one model with the files beside it; one part, roles as gguf_selection::roles(). Changes nothing on disk.
/// @param options  allow, ignore and files must not be set
/// @throws error errc::invalid_argument: a tag that is none; errc::file_not_found: nothing matches, the detail lists the
///         choices with their sizes
[[nodiscard]] HUBCACHE_DECL asio::awaitable<bundle_plan> prepare_gguf(services with, repo which,
                                                                      gguf_wish wish,
                                                                      snapshot_options options);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/gguf_model.ipp>
#endif
