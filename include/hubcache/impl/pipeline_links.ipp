#pragma once

#include <hubcache/format/component_config.hpp>
#include <hubcache/impl/pipeline_drafts.ipp>
#include <hubcache/select/weight_names.hpp>
#include <hubcache/text.hpp>

namespace hubcache::inline v0_1 {

namespace detail {

/// A link names a repo of the Hub that the settings name: its host is one of the Hub's names or none.
/// @throws error errc::refused
HUBCACHE_DECL void refuse_foreign_host(const pipeline_draft& one, const model_component& component,
                                       const url& endpoint) {
  const auto& host = component.link->host;
  for (const auto& ours :
       {std::string(), std::string("huggingface.co"), std::string("hf.co"), endpoint.authority()}) {
    if (equal_without_case(host, ours)) return;
  }
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

HUBCACHE_DECL std::string fallback_warning(const std::string& variant, const std::string& who,
                                           const repo& in) {
  return "There are no files of the variant '" + printable(variant) + "' for " + who + " in " + in.display() +
         "; those without a variant are taken.";
}

/// What is wished of a component that is chosen by itself. Unless its link demands a variant, it falls back to plain
/// files, as components of one repo do: some other one may have the variant.
HUBCACHE_DECL diffusers_wish wish_for(pipeline_drafts& all, pipeline_draft& one,
                                      const planned_component& component) {
  auto wish = one.asked.options.wish;
  const auto& demanded = component.said.link ? component.said.link->variant : std::string();
  auto weights = all.paths_of(component.part);
  std::erase_if(weights, [&](const std::string& path) {
    return !lies_in(path, component.folder) || !names_weights(path);
  });
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

/// Fills in library and class if the link does not tell them: from the linked repo's index, or the component's own
/// configuration. If neither tells, they stay empty.
HUBCACHE_DECL asio::awaitable<void> tell_class(pipeline_drafts& all, planned_component& of) {
  const auto told = [&of] { return !of.said.library.empty() && !of.said.class_name.empty(); };
  if (!told()) co_await ask_index(all, of);
  for (const auto* name :
       {"config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json"}) {
    const auto path = of.folder.empty() ? std::string(name) : of.folder + "/" + name;
    if (told() || std::find(of.files.begin(), of.files.end(), path) == of.files.end()) continue;
    const auto text = co_await all.text_of(of.part, path);
    const auto found = class_in_config(name, text);
    if (!found) continue;
    of.said.library = found->library;
    of.said.class_name = found->name;
  }
}

/// Chooses the files of a component of which part and folder are set.
HUBCACHE_DECL asio::awaitable<void> take_component(pipeline_drafts& all, pipeline_draft& one,
                                                   planned_component what) {
  const auto wish = wish_for(all, one, what);
  const auto paths = all.paths_of(what.part);
  const auto choose = [&] { return select_component(paths, what.folder, what.said.name, wish); };
  auto chosen = all.chosen_from(what.part, choose);
  all.warnings.insert(all.warnings.end(), chosen.warnings.begin(), chosen.warnings.end());
  for (auto& file : chosen.files) {
    what.files.push_back(file.path);
    all.take(what.part, std::move(file));
  }
  co_await tell_class(all, what);
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
    if (followed(component)) refuse_foreign_host(one, component, all.with.config.endpoint);
  }
  for (const auto& component : one.index.components) {
    if (followed(component)) co_await follow_link(all, one, component);
  }
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
