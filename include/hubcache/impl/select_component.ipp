#pragma once

#include <hubcache/impl/select_diffusers.ipp>

namespace hubcache::inline v0_1 {

namespace detail {

/// What configures a model, a tokenizer, a processor or a scheduler, by the names of transformers and diffusers.
HUBCACHE_DECL bool is_component_configuration(std::string_view name) {
  const auto names = {"added_tokens.json",
                      "chat_template.jinja",
                      "chat_template.json",
                      "config.json",
                      "generation_config.json",
                      "merges.txt",
                      "preprocessor_config.json",
                      "processor_config.json",
                      "scheduler_config.json",
                      "sentencepiece.bpe.model",
                      "special_tokens_map.json",
                      "spiece.model",
                      "tokenizer.json",
                      "tokenizer.model",
                      "tokenizer_config.json",
                      "video_preprocessor_config.json",
                      "vocab.json",
                      "vocab.txt"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether `name`, of a class, is that of a tokenizer, processor or scheduler.
HUBCACHE_DECL bool names_class_without_weights(std::string_view name) noexcept {
  const auto ends = {"Tokenizer",     "TokenizerFast", "Processor",
                     "ProcessorFast", "Scheduler",     "FeatureExtractor"};
  return std::any_of(ends.begin(), ends.end(), [name](std::string_view end) { return name.ends_with(end); });
}

/// The files of one folder that a lone component is picked from.
struct component_folder {
  std::string name;  // for messages
  path_list all;     // however deep
  path_list direct;
};

HUBCACHE_DECL component_folder open_component_folder(const path_list& paths, std::string_view folder) {
  component_folder result;
  result.name = folder.empty() ? "the root" : "the folder '" + printable(folder) + "'";
  const auto below = folder.empty() ? std::string() : std::string(folder) + "/";
  for (const auto path : paths) {
    if (!path.starts_with(below)) continue;
    result.all.push_back(path);
    if (path.find('/', below.size()) == path.npos) result.direct.push_back(path);
  }
  return result;
}

/// Picks the weights of `format` (and of ONNX, if wished) from the files of one folder; none if there are none of
/// `variant`, or none without one if that is empty.
HUBCACHE_DECL path_list pick_format(const path_list& files, const std::string& format,
                                    std::string_view variant, bool onnx) {
  path_list fit;
  std::copy_if(files.begin(), files.end(), std::back_inserter(fit), [&](std::string_view path) {
    return path.ends_with(format) || (onnx && (path.ends_with(".onnx") || path.ends_with(".pb"))) ||
           (path.ends_with(".json") && base_name(path).find(format + ".") != path.npos);  // an index
  });
  const auto found = pick_group(fit, variant);
  const bool wanted = variant.empty() ? !fitting(found.files, is_plain_weights).empty() : found.of_variant;
  return wanted ? found.files : path_list();
}

/// Picks the weights of a lone component: safetensors or else .bin, as wished.
HUBCACHE_DECL path_list pick_component_weights(const component_folder& folder, const diffusers_wish& wish) {
  std::vector<std::string> formats;
  if (wish.use_safetensors != false) formats.emplace_back(".safetensors");
  if (wish.use_safetensors != true) formats.emplace_back(".bin");
  for (const auto& format : formats) {
    auto found = pick_format(folder.direct, format, wish.variant, wish.use_onnx == true);
    if (!found.empty()) return found;
  }
  throw error(
      errc::file_not_found,
      "in " + folder.name + " " +
          no_such_weights(wish.variant, formats.size() == 2 ? ".safetensors or .bin" : formats.front(),
                          weight_variants(folder.direct)));
}

HUBCACHE_DECL path_list pick_component(const component_folder& folder, bool at_root, bool no_weights,
                                       const diffusers_wish& wish) {
  const auto is_weights = [](std::string_view name) {
    return is_plain_weights(name) || !variant_of(name).empty();
  };
  auto files = fitting(folder.direct, is_component_configuration);
  const bool bare = fitting(no_weights ? folder.all : folder.direct, is_weights).empty();
  if (bare || no_weights) {
    if (files.empty()) {
      throw error(errc::file_not_found,
                  std::string("there ") +
                      (bare ? "are no weights and no configuration" : "is no configuration") + " in " +
                      folder.name);
    }
    return at_root || !bare ? files : folder.all;
  }
  auto weights = pick_component_weights(folder, wish);
  if (wish.select == pipeline_selection::minimal) {
    const auto unread = unread_weights(weights, wish.variant);
    std::erase_if(weights, [&unread](std::string_view path) { return unread.contains(path); });
  }
  files.insert(files.end(), weights.begin(), weights.end());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace detail

HUBCACHE_DECL bool has_no_weights(const model_component& component) noexcept {
  if (!component.class_name.empty()) return detail::names_class_without_weights(component.class_name);
  const auto names = {"scheduler", "feature_extractor", "image_processor", "processor"};
  return component.name.starts_with("tokenizer") ||
         std::find(names.begin(), names.end(), component.name) != names.end();
}

HUBCACHE_DECL diffusers_selection select_component(std::span<const std::string> listing,
                                                   std::string_view folder, const model_component& component,
                                                   const diffusers_wish& wish) {
  detail::check_variant(wish.variant);
  const auto open = detail::open_component_folder(detail::sorted_paths(listing), folder);
  diffusers_selection result;
  const bool no_weights = has_no_weights(component);
  for (const auto path : detail::pick_component(open, folder.empty(), no_weights, wish)) {
    result.files.emplace_back(std::string(path), "component:" + component.name);
  }
  return result;
}

}  // namespace hubcache::inline v0_1
