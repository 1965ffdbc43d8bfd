#pragma once
/// @file
/// The names that diffusers and transformers give to weights, as the patterns of diffusers read them.
/// Each function is one of those patterns, on the last segment of a path:
///
///     STEM    diffusion_pytorch_model | model | weights | pytorch_model
///     FORMAT  bin | safetensors | onnx | pb
///     SHARD   00001-of-00002
///
/// A variant is literal text by is_variant_text(), "fp16" as a rule. All are O(name).

#include <hubcache/config.hpp>

#include <string_view>

namespace hubcache::inline v0_1 {

/// Whether `text` can be a variant: one or more of [A-Za-z0-9._-].
[[nodiscard]] HUBCACHE_DECL bool is_variant_text(std::string_view text) noexcept;

/// STEM.FORMAT or STEM-SHARD.FORMAT
[[nodiscard]] HUBCACHE_DECL bool is_plain_weights(std::string_view name) noexcept;
/// STEM.FORMAT.index.json, and whatever follows.
[[nodiscard]] HUBCACHE_DECL bool is_plain_index(std::string_view name) noexcept;

/// STEM.VARIANT.FORMAT or STEM.VARIANT-SHARD.FORMAT
[[nodiscard]] HUBCACHE_DECL bool is_variant_weights(std::string_view name, std::string_view variant) noexcept;
/// STEM.FORMAT.index.VARIANT.json
[[nodiscard]] HUBCACHE_DECL bool is_variant_index(std::string_view name, std::string_view variant) noexcept;

/// ANYTHING-SHARD.VARIANT.LETTERS: how diffusers wrote the shards of a variant before.
[[nodiscard]] HUBCACHE_DECL bool is_legacy_weights(std::string_view name, std::string_view variant) noexcept;
/// STEM.FORMAT.VARIANT.index.json
[[nodiscard]] HUBCACHE_DECL bool is_legacy_index(std::string_view name, std::string_view variant) noexcept;

/// Whether `path` ends like weights, with a dot before that or none: a folder with such a file holds a model.
[[nodiscard]] HUBCACHE_DECL bool ends_like_weights(std::string_view path) noexcept;

/// The variant of STEM.VARIANT.FORMAT, STEM.VARIANT-SHARD.FORMAT or STEM-SHARD.VARIANT.FORMAT; empty for other names.
[[nodiscard]] HUBCACHE_DECL std::string_view variant_of(std::string_view name) noexcept;

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_weight_patterns.ipp>
#endif
