#pragma once
/// @file
/// The index of a model whose safetensors are split: `*.safetensors.index.json`
/// (https://github.com/huggingface/huggingface_hub, serialization/_base.py, StateDictSplit).

#include <hubcache/config.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// The longest index that is read. Those of today's models are below 16 MiB.
inline constexpr std::uint64_t max_safetensors_index = std::uint64_t{32} << 20U;

/// What an index of split safetensors says.
struct safetensors_index {
  safetensors_index() = default;

  /// The texts and numbers of "metadata", in the order of the file; other values are passed over.
  std::vector<std::pair<std::string, std::string>> metadata;
  /// Name of each tensor, and of the file beside the index that holds it, in the order of the file. As the file has
  /// them: not for a terminal, not for a path.
  std::vector<std::pair<std::string, std::string>> weight_map;

  friend bool operator==(const safetensors_index&, const safetensors_index&) = default;
};
static_assert(!std::is_aggregate_v<safetensors_index>);

/// Reads an index. Safe with any bytes. O(n log n); takes about ten times the text in memory.
/// @throws error errc::malformed_file: no JSON object, no "weight_map" from names to names, a tensor that comes twice
[[nodiscard]] HUBCACHE_DECL safetensors_index parse_safetensors_index(std::string_view text);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/safetensors_index.ipp>
#endif
