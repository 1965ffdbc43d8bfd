#pragma once
/// @file
/// The names of weights: which files are some, and what they are called without their variant.

#include <hubcache/config.hpp>

#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Whether `path` ends as weights (.safetensors, .bin, .onnx, .pb) or the index of their shards does, of a variant or not.
[[nodiscard]] HUBCACHE_DECL bool names_weights(std::string_view path) noexcept;

/// Whether `path` ends as the index of shards does: FORMAT.index.json, FORMAT.index.VARIANT.json, FORMAT.VARIANT.index.json.
[[nodiscard]] HUBCACHE_DECL bool names_shard_index(std::string_view path) noexcept;

/// `name`, the last segment of a path, without `variant`: "x.fp16.safetensors" -> "x.safetensors". Names of no weights of
/// that variant stay.
[[nodiscard]] HUBCACHE_DECL std::string plain_name(std::string_view name, std::string_view variant);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_weight_names.ipp>
#endif
