#pragma once

#include <hubcache/format/component_config.hpp>
#include <hubcache/impl/hub_parse.ipp>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::optional<component_class> class_in_config(std::string_view file, std::string_view text) {
  struct statement {
    std::string_view file;
    std::string_view member;
    std::string_view library;
  };
  static constexpr statement statements[] = {
      {"config.json", "_class_name", "diffusers"},
      {"config.json", "architectures", "transformers"},
      {"scheduler_config.json", "_class_name", "diffusers"},
      {"tokenizer_config.json", "tokenizer_class", "transformers"},
      {"preprocessor_config.json", "image_processor_type", "transformers"},
      {"preprocessor_config.json", "feature_extractor_type", "transformers"},
      {"preprocessor_config.json", "processor_class", "transformers"},
  };
  detail::json_document document;
  if (!document.read(text)) return std::nullopt;
  for (const auto& one : statements) {
    if (one.file != file) continue;
    auto name = detail::json_member<std::string_view>(document.root(), one.member);
    if (const auto names = detail::json_member<simdjson::dom::array>(document.root(), one.member)) {
      std::string_view first;
      if (names->at(0).get(first) == simdjson::SUCCESS) name = first;
    }
    if (!name || name->empty()) continue;
    component_class found;
    found.library = one.library;
    found.name = *name;
    return found;
  }
  return std::nullopt;
}

}  // namespace hubcache::inline v0_1
