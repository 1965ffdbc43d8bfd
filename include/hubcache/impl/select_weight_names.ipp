#pragma once

#include <hubcache/impl/select_weight_patterns.ipp>
#include <hubcache/select/weight_names.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

/// Whether `name` is that of an index of shards.
HUBCACHE_DECL bool has_shard_index_suffix(std::string_view name) noexcept {
  const auto formats = {".safetensors", ".bin", ".onnx", ".pb"};
  if (!name.ends_with(".json") || name.find(".index.") == name.npos) return false;
  return std::any_of(formats.begin(), formats.end(), [name](std::string_view format) {
    const auto at = name.find(format);
    return at != name.npos && name.substr(at + format.size()).starts_with('.');
  });
}

}  // namespace detail

HUBCACHE_DECL bool names_shard_index(std::string_view path) noexcept {
  return detail::has_shard_index_suffix(path.substr(path.rfind('/') + 1));
}

HUBCACHE_DECL bool names_weights(std::string_view path) noexcept {
  const auto suffixes = {".safetensors", ".bin", ".onnx", ".pb"};
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [path](std::string_view suffix) { return path.ends_with(suffix); }) ||
         names_shard_index(path);
}

HUBCACHE_DECL std::string plain_name(std::string_view name, std::string_view variant) {
  std::string plain(name);
  const auto at = name.rfind("." + std::string(variant));
  if (variant.empty() || at == name.npos || at == 0 || !names_weights(name)) return plain;
  auto rest = name.substr(at + 1 + variant.size());
  detail::take_shard_mark(rest);
  return rest.starts_with('.') ? plain.erase(at, 1 + variant.size()) : plain;
}

}  // namespace hubcache::inline v0_1
