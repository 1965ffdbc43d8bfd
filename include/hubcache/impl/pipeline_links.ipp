#pragma once

#include <hubcache/format/component_config.hpp>
#include <hubcache/impl/pipeline_drafts.ipp>
#include <hubcache/select/weight_names.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace hubcache::inline v0_1 {

namespace detail {

/// Whether `host` is one of the names of the Hub that the settings name, or none.
HUBCACHE_DECL bool is_own_host(const std::string& host, const url& endpoint) {
  const auto ours = {std::string(), std::string("huggingface.co"), std::string("hf.co"),
                     endpoint.authority()};
  return std::any_of(ours.begin(), ours.end(),
                     [&host](const std::string& name) { return equal_without_case(host, name); });
}

/// A link names a repo of the Hub that the settings name.
/// @throws error errc::refused
HUBCACHE_DECL void refuse_foreign_host(const pipeline_draft& one, const model_component& component,
                                       const url& endpoint) {
  const auto& host = component.link->host;
  if (is_own_host(host, endpoint)) return;
  throw error(errc::refused,
              one.component_label(component.name) + " is a link to the host " + printable(host) +
                  ", which is neither huggingface.co nor the endpoint " + endpoint.authority(),
              error_context{}.with_repo(one.asked.repo.display()).with_file(one.planned.index_file));
}

/// Whether `path` lies in `folder`; the root's files are those that lie in no folder.
HUBCACHE_DECL bool lies_in(std::string_view path, std::string_view folder) {
  if (folder.empty()) return path.find('/') == path.npos;
  return path.starts_with(folder) && path.substr(folder.size()).starts_with('/');
}

/// @throws error errc::malformed_file for a link that is none
HUBCACHE_DECL void refuse_bad_link(const pipeline_draft& one, const model_component& component) {
  if (component.problem.empty()) return;
  throw error(errc::malformed_file, one.component_label(component.name) + ": " + component.problem,
              error_context{}.with_repo(one.asked.repo.display()).with_file(one.planned.index_file));
}

/// Whether a member's name says that its text is an address: "homepage", "license_link".
HUBCACHE_DECL bool names_address(std::string_view member) noexcept {
  constexpr std::array<std::string_view, 10> words{"url",     "link",    "homepage",   "website", "license",
                                                   "docs",    "documentation", "repository", "paper", "source"};
  const auto word = member.substr(member.rfind('_') + 1);
  return std::any_of(words.begin(), words.end(), [word](std::string_view w) { return equal_without_case(w, word); });
}

/// Drops from the index what is an address of elsewhere (https://HOST/A/B, and no more), by its member's name, rather than
/// a component.
HUBCACHE_DECL void drop_addresses(pipeline_drafts& all, pipeline_draft& one) {
  const auto is_address = [&](const model_component& c) {
    return c.bare && c.link->revision.empty() && names_address(c.name) &&
           !is_own_host(c.link->host, all.with.config.endpoint);
  };
  for (const auto& component : one.index.components) {
    if (!is_address(component)) continue;
    one.planned.addresses.push_back(component.name);
    all.warnings.push_back("The member '" + printable(component.name) + "' of " + one.asked.repo.display() +
                           " is an address on the host " + printable(component.link->host) +
                           ", and not taken for a component.");
  }
  std::erase_if(one.index.components, is_address);
}

HUBCACHE_DECL std::string fallback_warning(const std::string& variant, const std::string& who,
                                           const repo& in) {
  return "There are no files of the variant '" + printable(variant) + "' for " + who + " in " + in.display() +
         "; those without a variant are taken.";
}

/// Those of `paths` that a component in `folder` may take its weights from: direct ones in the formats that `wish` allows.
HUBCACHE_DECL std::vector<std::string> pickable_weights(std::vector<std::string> paths,
                                                        const std::string& folder,
                                                        const diffusers_wish& wish) {
  const auto below = folder.empty() ? 0 : folder.size() + 1;
  const auto allowed = [&wish](const std::string& path) {
    if (path.ends_with(".safetensors")) return wish.use_safetensors != false;
    if (path.ends_with(".bin")) return wish.use_safetensors != true;
    return wish.use_onnx == true && (path.ends_with(".onnx") || path.ends_with(".pb"));
  };
  std::erase_if(paths, [&](const std::string& path) {
    return path.find('/', below) != std::string::npos || !allowed(path);
  });
  return paths;
}

/// What is wished of a component that is chosen by itself. Unless its link demands a variant, it falls back to plain
/// files, as components of one repo do: some other one may have the variant.
HUBCACHE_DECL diffusers_wish wish_for(pipeline_drafts& all, pipeline_draft& one,
                                      const planned_component& component) {
  auto wish = one.asked.options.wish;
  if (has_no_weights(component.said)) return wish;
  const auto demanded = component.said.link ? component.said.link->variant : std::string();
  const auto weights =
      pickable_weights(all.paths_in(component.part, component.folder), component.folder, wish);
  const auto variants = variants_in(weights);
  one.variants.insert(variants.begin(), variants.end());
  if (!demanded.empty()) {
    wish.variant = demanded;
  } else if (std::find(variants.begin(), variants.end(), wish.variant) == variants.end()) {
    if (!wish.variant.empty() && !weights.empty()) {
      all.warnings.push_back(fallback_warning(wish.variant, one.component_label(component.said.name),
                                              all.draft(component.part).repo));
    }
    wish.variant.clear();
  }
  return wish;
}

/// What the linked repo's own index says of the folder `of` lies in. The index is taken, too: who plans offline asks
/// again.
HUBCACHE_DECL asio::awaitable<void> ask_index(pipeline_drafts& all, planned_component& of) {
  const std::string index(plain_index);
  if (of.folder.empty() || !all.has(of.part, index)) co_return;
  const auto text = co_await all.text_of(of.part, index);
  const auto said = all.read_from(of.part, index, [&] { return parse_model_index(text); });
  all.take(of.part, file_role(index, ""));
  const auto* entry = said.find(of.folder);
  if (entry == nullptr || entry->library.empty() || entry->class_name.empty()) co_return;
  of.said.library = entry->library;
  of.said.class_name = entry->class_name;
}

/// `name` in the folder of a component.
HUBCACHE_DECL std::string path_in_folder(const planned_component& of, const std::string& name) {
  return of.folder.empty() ? name : of.folder + "/" + name;
}

/// The files that may tell the class of a component of this name, in the order in which they are asked: a repo of a
/// tokenizer and a model has the configurations of both.
HUBCACHE_DECL std::vector<std::string> telling_configurations(const std::string& component) {
  if (component.starts_with("tokenizer")) return {"tokenizer_config.json", "config.json"};
  if (component == "scheduler") return {"scheduler_config.json", "config.json"};
  model_component named;
  named.name = component;
  if (has_no_weights(named)) return {"preprocessor_config.json", "config.json"};
  return {"config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json"};
}

/// Fills in library and class if the link does not tell them: from the linked repo's index, or the component's own
/// configuration. If neither tells, they stay empty.
HUBCACHE_DECL asio::awaitable<void> tell_class(pipeline_drafts& all, planned_component& of) {
  const auto told = [&of] { return !of.said.library.empty() && !of.said.class_name.empty(); };
  if (!told()) co_await ask_index(all, of);
  const bool no_weights = has_no_weights(of.said);
  for (const auto& name : telling_configurations(of.said.name)) {
    const auto path = path_in_folder(of, name);
    if (told() || std::find(of.files.begin(), of.files.end(), path) == of.files.end()) continue;
    const auto text = co_await all.text_of(of.part, path);
    const auto found = class_in_config(name, text);
    if (!found) continue;
    auto said = of.said;
    said.library = found->library;
    said.class_name = found->name;
    // config.json beside a tokenizer is of the model that it is for.
    if (!no_weights || has_no_weights(said)) of.said = std::move(said);
  }
}

/// Adds the module that the component's class is from, if it lies beside its files.
HUBCACHE_DECL void take_own_module(pipeline_drafts& all, planned_component& of) {
  const auto path = path_in_folder(of, of.said.library + ".py");
  if (of.said.library.empty() || !all.has(of.part, path)) return;
  all.take(of.part, file_role(path, "component:" + of.said.name));
  of.files.push_back(path);
  std::sort(of.files.begin(), of.files.end());
  of.files.erase(std::unique(of.files.begin(), of.files.end()), of.files.end());
}

/// Chooses the files of a component of which part and folder are set.
HUBCACHE_DECL asio::awaitable<void> take_component(pipeline_drafts& all, pipeline_draft& one,
                                                   planned_component what) {
  const auto wish = wish_for(all, one, what);
  const auto paths = all.paths_in(what.part, what.folder);
  const auto choose = [&] { return select_component(paths, what.folder, what.said, wish); };
  auto chosen = all.chosen_from(what.part, choose);
  all.warnings.insert(all.warnings.end(), chosen.warnings.begin(), chosen.warnings.end());
  for (auto& file : chosen.files) {
    what.files.push_back(file.path);
    all.take(what.part, std::move(file));
  }
  co_await tell_class(all, what);
  take_own_module(all, what);
  one.components.emplace(what.said.name, std::move(what));
}

/// Follows the link of one component.
HUBCACHE_DECL asio::awaitable<void> follow_link(pipeline_drafts& all, pipeline_draft& one,
                                                const model_component& component) {
  const auto& link = *component.link;
  auto options = one.asked.options.snapshot;
  // A link into the pipeline's own repo stays in its commit, unless it names another.
  if (!link.revision.empty() || link.repo != one.asked.repo) {
    options.revision = link.revision.empty() ? std::string("main") : link.revision;
  }
  if (link.repo != one.asked.repo) all.count_link(link.repo, one.component_label(component.name));
  all.wanted(link.repo, one.component_label(component.name));
  planned_component planned;
  planned.said = component;
  planned.folder = link.subfolder;
  planned.part = co_await all.part_of(one.asker, link.repo, std::move(options));
  co_await take_component(all, one, std::move(planned));
}

/// Follows the links of `one`, which all lead to our Hub or are refused before any is followed.
HUBCACHE_DECL asio::awaitable<void> follow_links(pipeline_drafts& all, pipeline_draft& one) {
  const auto followed = [&one](const model_component& c) { return c.link && !one.skips(c.name); };
  for (const auto& component : one.index.components) {
    if (!one.skips(component.name)) refuse_bad_link(one, component);
    if (followed(component)) refuse_foreign_host(one, component, all.with.config.endpoint);
  }
  for (const auto& component : one.index.components) {
    if (followed(component)) co_await follow_link(all, one, component);
  }
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
