#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/safetensors_index.hpp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/impl/weights.ipp>
#include <hubcache/text.hpp>

#include <optional>

namespace hubcache::inline v0_1 {

namespace detail {

/// A text as it is, a number as JSON has it; none for anything else.
HUBCACHE_DECL std::optional<std::string> json_scalar(const simdjson::dom::element& json) {
  if (std::string_view text; json.get(text) == simdjson::SUCCESS) return std::string(text);
  if (json.is_number()) return simdjson::to_string(json);
  return std::nullopt;
}

}  // namespace detail

HUBCACHE_DECL safetensors_index parse_safetensors_index(std::string_view text) {
  const auto malformed = [](std::string what) { return error(errc::malformed_file, std::move(what)); };
  detail::json_document document;
  if (!document.read(text) || !document.root().is_object()) throw malformed("the index is no JSON object");
  const auto map = detail::json_member<simdjson::dom::object>(document.root(), "weight_map");
  if (!map) throw malformed("the index has no object \"weight_map\"");
  safetensors_index result;
  for (const auto [tensor, json] : *map) {
    std::string_view file;
    if (json.get(file) != simdjson::SUCCESS) {
      throw malformed("the index names no file for the tensor '" + printable(tensor) + "'");
    }
    result.weight_map.emplace_back(tensor, file);
  }
  if (const auto twice = detail::repeated(
          detail::names_of(result.weight_map, &std::pair<std::string, std::string>::first))) {
    throw malformed("the index names the tensor '" + printable(*twice) + "' twice");
  }
  if (const auto metadata = detail::json_member<simdjson::dom::object>(document.root(), "metadata")) {
    for (const auto [key, json] : *metadata) {
      if (auto value = detail::json_scalar(json)) result.metadata.emplace_back(key, std::move(*value));
    }
  }
  return result;
}

}  // namespace hubcache::inline v0_1
