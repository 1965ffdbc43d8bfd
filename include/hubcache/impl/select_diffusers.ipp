#pragma once

#include <hubcache/error.hpp>
#include <hubcache/impl/select_minimal.ipp>
#include <hubcache/select/diffusers.hpp>
#include <hubcache/select/patterns.hpp>
#include <hubcache/text.hpp>

#include <iterator>
#include <map>
#include <unordered_set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Those of `paths` whose last segment fits.
template <class Fits>
path_list fitting(const path_list& paths, Fits fits) {
  path_list result;
  std::copy_if(paths.begin(), paths.end(), std::back_inserter(result),
               [&](std::string_view path) { return fits(base_name(path)); });
  return result;
}

/// The weights of one component that tell whether it has safetensors: those of the variant, else the plain ones.
HUBCACHE_DECL path_list telling_weights(const path_list& paths, std::string_view variant) {
  path_list found;
  if (!variant.empty()) {
    found = fitting(paths, [variant](std::string_view name) { return is_variant_weights(name, variant); });
  }
  return found.empty() ? fitting(paths, is_plain_weights) : found;
}

/// What is picked from one group of files.
struct picked_group {
  path_list files;
  bool of_variant = false;
};

HUBCACHE_DECL picked_group pick_group(const path_list& paths, std::string_view variant) {
  picked_group result;
  const auto add = [&](auto fits) {
    const auto found = fitting(paths, fits);
    result.files.insert(result.files.end(), found.begin(), found.end());
    return !found.empty();
  };
  const auto add_variant = [&](auto weights, auto index) {
    if (!add([=](std::string_view name) { return weights(name, variant); })) return false;
    add([=](std::string_view name) { return index(name, variant); });
    return true;
  };
  result.of_variant = !variant.empty() && (add_variant(is_variant_weights, is_variant_index) ||
                                           add_variant(is_legacy_weights, is_legacy_index));
  if (!result.of_variant) {
    add(is_plain_weights);
    add(is_plain_index);
  }
  return result;
}

/// @throws error if `variant` is none, and not empty
HUBCACHE_DECL void check_variant(const std::string& variant) {
  if (variant.empty() || is_variant_text(variant)) return;
  throw error(errc::invalid_argument,
              "the variant '" + printable(variant, 80) + "' must be of letters, digits, '-', '_' and '.'");
}

/// "a, b and c"
HUBCACHE_DECL std::string enumerated(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    if (!text.empty()) text += &name == &names.back() ? " and " : ", ";
    text += printable(name, 80);
  }
  return text;
}

/// The variants that the weights among `paths` have, sorted.
template <class Paths>
std::vector<std::string> weight_variants(const Paths& paths) {
  std::set<std::string, std::less<>> found;
  for (const std::string_view path : paths) {
    const auto variant = variant_of(base_name(path));
    if (!variant.empty() && !found.contains(variant)) found.emplace(variant);
  }
  return {found.begin(), found.end()};
}

/// That there are no weights of `variant` (empty: without one) in `formats`, and which variants `there` are.
HUBCACHE_DECL std::string no_such_weights(const std::string& variant, std::string_view formats,
                                          const std::vector<std::string>& there) {
  return "there are no weights" +
         (variant.empty() ? std::string(" without a variant") : " of the variant '" + variant + "'") +
         " in " + std::string(formats) + "; " +
         (there.empty() ? "nor are there other variants" : "variants that are there: " + enumerated(there));
}

/// Patterns of fnmatch, most of which are plain paths or FOLDER/*: to look one up does not depend on how many they are.
class wanted_paths {
 public:
  /// @throws error if there are so many with wildcards that matching them would take long
  void add(std::string pattern) {
    const auto is_plain = [](std::string_view text) { return text.find_first_of("*?[\\") == text.npos; };
    if (is_plain(pattern)) {
      names_.insert(std::move(pattern));
    } else if (pattern.ends_with("/*") && is_plain(std::string_view(pattern).substr(0, pattern.size() - 2))) {
      folders_.insert(pattern.substr(0, pattern.size() - 2));
    } else if (wildcards_.size() < 32) {
      wildcards_.emplace_back(pattern);
    } else {
      throw error(errc::malformed_file,
                  "too many names of components and weights have one of the wildcards *?[");
    }
  }

  [[nodiscard]] bool operator()(std::string_view path) const {
    const auto folder = first_segment(path);
    return names_.contains(std::string(path)) ||
           (folder.size() < path.size() && folders_.contains(std::string(folder))) ||
           std::any_of(wildcards_.begin(), wildcards_.end(),
                       [path](const path_pattern& pattern) { return pattern(path); });
  }

 private:
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> folders_;
  std::vector<path_pattern> wildcards_;
};

/// One selection by diffusers' rules, which docs/selection.md tells in words.
class diffusers_rules {
 public:
  diffusers_rules(std::span<const std::string> listing, const model_index& index, const diffusers_wish& wish)
      : listing_(listing), index_(index), wish_(wish) {}

  [[nodiscard]] diffusers_selection select() {
    sort_paths();
    name_folders();
    warn_of_libraries();
    choose_formats();
    pick_weights();
    auto files = wanted_files();
    warn_of_missing_weights(files);
    if (wish_.select == pipeline_selection::minimal) {
      files = read_by_loading(files, picked_, index_, wish_, model_folders_);
    }
    return finish(files);
  }

 private:
  void sort_paths();
  void name_folders();
  void warn_of_libraries();
  [[nodiscard]] std::vector<std::string> without_safetensors() const;
  void choose_formats();
  void pick_weights();
  [[nodiscard]] bool is_forbidden(std::string_view path) const;
  [[nodiscard]] wanted_paths wanted() const;
  [[nodiscard]] path_list wanted_files() const;
  void warn_of_missing_weights(const path_list& files);
  [[nodiscard]] bool connects() const;
  [[nodiscard]] diffusers_selection finish(const path_list& files);

  [[nodiscard]] bool is_usable(std::string_view path) const {
    return std::binary_search(usable_.begin(), usable_.end(), path);
  }

  /// The format of the weights, that of ONNX aside.
  [[nodiscard]] std::string_view format_taken() const {
    return forbidden_.front() == ".bin" ? ".safetensors" : ".bin";
  }

  std::span<const std::string> listing_;
  const model_index& index_;
  const diffusers_wish& wish_;
  path_list all_;
  path_list usable_;    // all but what _ignore_files names
  name_set folders_;    // of components
  name_set elsewhere_;  // components that the caller has, or that lie in another repo
  name_set model_folders_;
  path_list forbidden_;  // formats
  path_list picked_;     // weights and their indexes
  std::vector<std::string> warnings_;
};

HUBCACHE_DECL void diffusers_rules::sort_paths() {
  all_ = sorted_paths(listing_);
  if (!std::binary_search(all_.begin(), all_.end(), std::string_view("model_index.json"))) {
    throw error(errc::file_not_found,
                "there is no model_index.json, which a diffusers pipeline has at its root",
                error_context{}.with_file("model_index.json"));
  }
  const name_set ignored(index_.ignore_files.begin(), index_.ignore_files.end());
  std::set_difference(all_.begin(), all_.end(), ignored.begin(), ignored.end(), std::back_inserter(usable_));
}

HUBCACHE_DECL void diffusers_rules::name_folders() {
  for (const auto& component : index_.components)
    (component.link ? elsewhere_ : folders_).insert(component.name);
  elsewhere_.insert(wish_.skip.begin(), wish_.skip.end());
  for (const auto path : usable_) {
    const auto folder = first_segment(path);
    if (has_two_segments(path) && ends_like_weights(path) && folders_.contains(folder))
      model_folders_.insert(folder);
  }
}

/// Whether diffusers 0.40 takes components from `library`: one of three, or a module of its pipelines.
HUBCACHE_DECL bool is_known_library(std::string_view library) {
  static constexpr std::string_view names =
      " diffusers transformers onnxruntime.training "
      "ace_step allegro animatediff anyflow audioldm2 aura_flow auto_pipeline bria bria_fibo chroma "
      "chronoedit cogvideo cogview3 cogview4 consisid consistency_models controlnet "
      "controlnet_hunyuandit controlnet_sd3 cosmos ddim ddpm deepfloyd_if deprecated diffusion_gemma "
      "dit dreamlite easyanimate ernie_image flux flux2 glm_image helios hidream_image hunyuan_image "
      "hunyuan_video hunyuan_video1_5 hunyuandit ideogram4 joyimage kandinsky kandinsky2_2 kandinsky3 "
      "kandinsky5 kolors krea2 latent_consistency_models latent_diffusion latte ledits_pp llada2 "
      "longcat_audio_dit longcat_image ltx ltx2 lucy lumina lumina2 marigold mochi motif_video "
      "nucleusmoe_image omnigen onnx_utils ovis_image pag pipeline_utils pixart_alpha prx qwenimage "
      "sana sana_video shap_e skyreels_v2 stable_audio stable_audio_3 stable_cascade stable_diffusion "
      "stable_diffusion_3 stable_diffusion_xl stable_video_diffusion t2i_adapter visualcloze wan "
      "z_image ";
  return library.find(' ') == library.npos && names.find(" " + std::string(library) + " ") != names.npos;
}

HUBCACHE_DECL void diffusers_rules::warn_of_libraries() {
  for (const auto& component : index_.components) {
    const auto& library = component.library;
    if (component.link || library.empty() || is_known_library(library)) continue;
    if (is_usable(component.name + "/" + library + ".py")) continue;
    warnings_.push_back("the component '" + printable(component.name, 80) + "' is of the library '" +
                        printable(library, 80) + "', which neither diffusers 0.40 nor the repo has");
  }
}

/// The components that have no safetensors; "" if there are no components, and the repo has none.
HUBCACHE_DECL std::vector<std::string> diffusers_rules::without_safetensors() const {
  path_list weights;
  std::map<std::string_view, path_list> components;
  for (const auto path : usable_) {
    const auto folder = first_segment(path);
    const bool two = has_two_segments(path);
    if (!ends_like_weights(path)) continue;
    if (!model_folders_.empty() && !(two && model_folders_.contains(folder))) continue;
    weights.push_back(path);
    if (two && !elsewhere_.contains(folder)) components[folder].push_back(path);
  }
  std::vector<std::string> lacking;
  for (const auto& [name, paths] : components) {
    const auto telling = telling_weights(paths, wish_.variant);
    if (std::none_of(telling.begin(), telling.end(), [](auto p) { return p.ends_with(".safetensors"); })) {
      lacking.emplace_back(name);
    }
  }
  if (components.empty()) {
    const auto telling = telling_weights(weights, wish_.variant);
    if (std::none_of(telling.begin(), telling.end(),
                     [](auto p) { return p.find(".safetensors") != p.npos; })) {
      lacking.emplace_back();
    }
  }
  return lacking;
}

/// One component without safetensors decides for all.
HUBCACHE_DECL void diffusers_rules::choose_formats() {
  const auto lacking = without_safetensors();
  if (wish_.use_safetensors == true && !lacking.empty()) {
    throw error(errc::file_not_found, lacking.front().empty()
                                          ? "the repo has no weights in safetensors"
                                          : "there are no safetensors of " + enumerated(lacking));
  }
  const bool safe = wish_.use_safetensors != false && lacking.empty();
  forbidden_ = {safe ? ".bin" : ".safetensors", ".msgpack"};
  // The classes of diffusers that are _is_onnx.
  const auto& pipeline = index_.class_name;
  const bool onnx = index_.custom_module.empty() && (pipeline.starts_with("OnnxStableDiffusion") ||
                                                     pipeline == "StableDiffusionOnnxPipeline");
  if (!wish_.use_onnx.value_or(onnx)) forbidden_.insert(forbidden_.end(), {".onnx", ".pb"});
}

HUBCACHE_DECL void diffusers_rules::pick_weights() {
  std::map<std::string_view, path_list> groups;  // the root and what lies deeper are one group
  for (const auto path : usable_) {
    const auto ends = [path](std::string_view format) { return path.ends_with(format.substr(1)); };
    if (std::any_of(forbidden_.begin(), forbidden_.end(), ends)) continue;
    groups[has_two_segments(path) ? first_segment(path) : std::string_view()].push_back(path);
  }
  bool variants = false;
  bool plain = false;
  for (const auto& [group, paths] : groups) {
    const auto found = pick_group(paths, wish_.variant);
    (found.of_variant ? variants : plain) |= !found.files.empty();
    picked_.insert(picked_.end(), found.files.begin(), found.files.end());
  }
  std::sort(picked_.begin(), picked_.end());
  if (wish_.variant.empty()) return;
  if (!variants) {
    throw error(errc::file_not_found, no_such_weights(wish_.variant, format_taken(), weight_variants(all_)));
  }
  if (plain) {
    warnings_.push_back("only some of the weights are of the variant '" + wish_.variant +
                        "': the others are taken without one");
  }
  if (std::any_of(all_.begin(), all_.end(),
                  [this](auto path) { return is_legacy_weights(base_name(path), wish_.variant); })) {
    warnings_.push_back("there are shards of the variant '" + wish_.variant +
                        "' with names of an old form (NAME-00001-of-00002." + wish_.variant + ".EXT)");
  }
}

HUBCACHE_DECL bool diffusers_rules::is_forbidden(std::string_view path) const {
  return std::any_of(forbidden_.begin(), forbidden_.end(), [path](std::string_view format) {
    if (path.ends_with(format)) return true;  // "*.bin"
    const auto index = std::string(format) + ".index.";
    const auto at = path.find(index);  // "*.bin.index.*json"
    return at != path.npos && path.substr(at + index.size()).ends_with("json");
  });
}

HUBCACHE_DECL wanted_paths diffusers_rules::wanted() const {
  wanted_paths patterns;
  const auto add = [&](std::string pattern) {
    if (has_two_segments(pattern) && elsewhere_.contains(first_segment(pattern))) return;
    patterns.add(std::move(pattern));
  };
  for (const auto path : picked_) add(std::string(path));
  for (const auto folder : folders_) {
    add(std::string(folder) + (model_folders_.contains(folder) ? "/config.json" : "/*"));
  }
  for (const auto& component : index_.components) {
    auto module = component.name + "/" + component.library + ".py";
    if (is_usable(module)) add(std::move(module));
  }
  if (auto module = index_.custom_module + ".py"; is_usable(module)) add(std::move(module));
  for (const auto* const name : {"model_index.json", "scheduler_config.json", "config.json", "pipeline.py",
                                 // of a transformers model whose files lie at the root
                                 "chat_template.jinja", "generation_config.json", "processor_config.json",
                                 "tokenizer.json", "tokenizer_config.json"}) {
    add(name);
  }
  if (connects()) add("README.md");
  return patterns;
}

/// Also of files that _ignore_files names: it is about weights only.
HUBCACHE_DECL path_list diffusers_rules::wanted_files() const {
  const auto patterns = wanted();
  path_list files;
  std::copy_if(all_.begin(), all_.end(), std::back_inserter(files),
               [&](std::string_view path) { return !is_forbidden(path) && patterns(path); });
  return files;
}

HUBCACHE_DECL void diffusers_rules::warn_of_missing_weights(const path_list& files) {
  name_set with;
  for (const auto path : files) {
    if (has_two_segments(path) && ends_like_weights(path)) with.insert(first_segment(path));
  }
  for (const auto& component : index_.components) {
    if (component.library.empty() || !model_folders_.contains(component.name) ||
        with.contains(component.name) || elsewhere_.contains(component.name)) {
      continue;
    }
    warnings_.push_back("the component '" + printable(component.name, 80) +
                        "' gets no weights: it has none in " + std::string(format_taken()) +
                        ", the format that is taken for all components");
  }
}

/// The classes of diffusers that are _load_connected_pipes.
HUBCACHE_DECL bool diffusers_rules::connects() const {
  const auto names = {"KandinskyCombinedPipeline",           "KandinskyImg2ImgCombinedPipeline",
                      "KandinskyInpaintCombinedPipeline",    "KandinskyV22CombinedPipeline",
                      "KandinskyV22Img2ImgCombinedPipeline", "KandinskyV22InpaintCombinedPipeline",
                      "StableCascadeCombinedPipeline",       "WuerstchenCombinedPipeline"};
  return index_.custom_module.empty() &&
         std::find(names.begin(), names.end(), index_.class_name) != names.end();
}

HUBCACHE_DECL diffusers_selection diffusers_rules::finish(const path_list& files) {
  name_set components;
  for (const auto& component : index_.components) components.insert(component.name);
  diffusers_selection result;
  result.warnings = std::move(warnings_);
  result.connects = connects();
  result.files.reserve(files.size());
  for (const auto path : files) {
    const auto folder = first_segment(path);
    const bool inside = folder.size() < path.size() && components.contains(folder);
    result.files.emplace_back(std::string(path), inside ? "component:" + std::string(folder) : "pipeline");
  }
  return result;
}

}  // namespace detail

HUBCACHE_DECL diffusers_selection select_diffusers(std::span<const std::string> listing,
                                                   const model_index& index, const diffusers_wish& wish) {
  detail::check_variant(wish.variant);
  if (index.class_name.empty()) {
    throw error(errc::malformed_file, "it has no _class_name", error_context{}.with_file("model_index.json"));
  }
  return detail::diffusers_rules(listing, index, wish).select();
}

HUBCACHE_DECL std::vector<std::string> variants_in(std::span<const std::string> listing) {
  return detail::weight_variants(listing);
}

}  // namespace hubcache::inline v0_1
