#pragma once

#include <hubcache/impl/pipeline_links.ipp>

namespace hubcache::inline v0_1 {

namespace detail {

/// Adds the links of a modular index to those components that the plain one leaves open.
HUBCACHE_DECL void add_modular(model_index& index, const model_index& modular) {
  for (const auto& component : modular.components) {
    if (!component.link) continue;
    const auto at = std::find_if(index.components.begin(), index.components.end(),
                                 [&](const model_component& c) { return c.name == component.name; });
    if (at != index.components.end() && at->absent()) *at = component;
  }
}

HUBCACHE_DECL asio::awaitable<model_index> read_one_index(pipeline_drafts& all, pipeline_draft& one,
                                                          std::string path) {
  const auto part = one.planned.part;
  const auto text = co_await all.text_of(part, path);
  if (one.planned.index_file.empty()) {
    one.planned.index_file = path;
    one.planned.index_text = text;
  }
  // Who plans offline reads it again.
  one.planned.files.push_back(path);
  co_return all.read_from(part, path, [&] { return parse_model_index(text); });
}

/// Reads what the repo says of its components.
HUBCACHE_DECL asio::awaitable<void> read_indexes(pipeline_drafts& all, pipeline_draft& one) {
  const auto part = one.planned.part;
  const bool plain = all.has(part, plain_index), modular = all.has(part, modular_index);
  if (!plain && !modular) {
    const error none(errc::file_not_found,
                     "the repo is no diffusers pipeline: it has neither model_index.json nor "
                     "modular_model_index.json",
                     error_context{}.with_file(std::string(plain_index)));
    throw all.failure_in(part, none);
  }
  one.index = co_await read_one_index(all, one, std::string(plain ? plain_index : modular_index));
  const auto& components = one.index.components;
  const bool open =
      std::any_of(components.begin(), components.end(), [](const auto& c) { return c.absent(); });
  if (!plain || !modular || !open) co_return;
  const auto more = co_await read_one_index(all, one, std::string(modular_index));
  add_modular(one.index, more);
}

/// @throws error errc::invalid_argument if `one` shall skip what none of `all` has
HUBCACHE_DECL void refuse_unknown_skips(const std::vector<pipeline_draft>& all, const pipeline_draft& one) {
  for (const auto& name : one.asked.options.wish.skip) {
    if (std::any_of(all.begin(), all.end(), [&](const auto& d) { return d.index.find(name) != nullptr; }))
      continue;
    std::string names;
    for (const auto& component : one.index.components) names += (names.empty() ? "" : ", ") + component.name;
    throw error(errc::invalid_argument,
                "the pipeline has no component '" + printable(name) + "' to skip; it has " +
                    (names.empty() ? "none" : names),
                error_context{}.with_repo(one.asked.repo.display()));
  }
}

/// For messages: the variants that components from elsewhere have.
HUBCACHE_DECL std::string linked_variants(const pipeline_draft& one) {
  std::string names;
  for (const auto& name : one.variants) names += (names.empty() ? "" : ", ") + name;
  return names;
}

/// What DiffusionPipeline.download chooses from `paths`. If none are of the variant wished, and components from elsewhere
/// are, it falls back to plain files as a whole, as each component does where another one has the variant.
HUBCACHE_DECL diffusers_selection choose_own(pipeline_drafts& all, pipeline_draft& one,
                                             const std::vector<std::string>& paths, const model_index& index,
                                             diffusers_wish wish) {
  const auto choose = [&] { return select_diffusers(paths, index, wish); };
  const auto variant = wish.variant;
  if (variant.empty() || one.variants.empty()) return all.chosen_from(one.planned.part, choose);
  try {
    return choose();
  } catch (const error& e) {
    if (e.reason() != errc::file_not_found) throw all.failure_in(one.planned.part, e);
    wish.variant.clear();
    auto chosen = all.chosen_from(one.planned.part, choose);  // else it is not about the variant
    if (!one.variants.contains(variant)) {
      const error both(e.reason(), e.detail() + "; components from other repos have " + linked_variants(one),
                       e.context());
      throw all.failure_in(one.planned.part, both);
    }
    if (std::any_of(paths.begin(), paths.end(), [](const std::string& p) { return names_weights(p); }))
      all.warnings.push_back(fallback_warning(variant, "the own components", one.asked.repo));
    return chosen;
  }
}

/// Tells of the components that have no files, though the index gives them.
/// @throws error errc::not_cached if the listing may lack them
HUBCACHE_DECL void tell_missing(pipeline_drafts& all, const pipeline_draft& one) {
  const auto& files = one.planned.files;
  const bool at_root = std::any_of(files.begin(), files.end(), [](const std::string& p) {
    return p == "config.json" || p == "scheduler_config.json";  // a pipeline without folders
  });
  for (const auto& component : one.index.components) {
    if (component.library.empty() || one.skips(component.name) || one.components.contains(component.name) ||
        at_root)
      continue;
    const auto text = "there are no files of " + one.component_label(component.name);
    if (all.is_partial(one.planned.part))
      throw all.failure_in(one.planned.part, error(errc::not_cached, text));
    all.warnings.push_back("T" + text.substr(1) + ".");
  }
}

/// The pipeline's own files, as DiffusionPipeline.download chooses them from a repo without the components that lie
/// elsewhere.
HUBCACHE_DECL void take_own(pipeline_drafts& all, pipeline_draft& one) {
  const auto part = one.planned.part;
  auto wish = one.asked.options.wish;
  auto index = one.index;
  auto paths = all.paths_of(part);
  const auto elsewhere = [](const model_component& c) { return c.link.has_value(); };
  std::set<std::string_view> folders;
  for (const auto& component : one.index.components) {
    if (elsewhere(component)) folders.insert(component.name);
  }
  std::erase_if(paths, [&](const std::string& p) {
    return folders.contains(std::string_view(p).substr(0, p.find('/')));
  });
  if (std::erase_if(index.components, elsewhere) > 0 &&
      std::none_of(paths.begin(), paths.end(), [](const std::string& p) { return names_weights(p); })) {
    wish.use_safetensors.reset();
  }
  const auto chosen = choose_own(all, one, paths, index, std::move(wish));
  all.warnings.insert(all.warnings.end(), chosen.warnings.begin(), chosen.warnings.end());
  one.connects = chosen.connects;
  constexpr std::string_view prefix = "component:";
  for (const auto& file : chosen.files) {
    const auto* said = file.role.starts_with(prefix) ? index.find(file.role.substr(prefix.size())) : nullptr;
    if (said == nullptr) {
      one.planned.files.push_back(file.path);
      continue;
    }
    auto& component = one.components[said->name];
    component.said = *said;
    component.part = part;
    component.folder = said->name;
    component.files.push_back(file.path);
    all.take(part, file);
  }
  tell_missing(all, one);
}

HUBCACHE_DECL void refuse_absent_variant(const pipeline_draft& one) {
  const auto& variant = one.asked.options.wish.variant;
  if (variant.empty() || one.variants.contains(variant)) return;
  throw error(errc::file_not_found,
              "no component has files of the variant '" + printable(variant) + "'; there are " +
                  (one.variants.empty() ? "none with a variant" : linked_variants(one)),
              error_context{}.with_repo(one.asked.repo.display()));
}

/// The same of a repo that has a modular index only: each component lies where that says, else in its own folder.
HUBCACHE_DECL asio::awaitable<void> take_own_modular(pipeline_drafts& all, pipeline_draft& one) {
  const auto part = one.planned.part;
  const auto paths = all.paths_of(part);
  for (const auto& path : paths) {
    const bool code = lies_in(path, "") && path.ends_with(".py");
    if (code || path == "modular_config.json") one.planned.files.push_back(path);
  }
  for (const auto& component : one.index.components) {
    if (component.link || one.skips(component.name)) continue;
    const auto belongs = [&component](const std::string& p) { return lies_in(p, component.name); };
    if (std::any_of(paths.begin(), paths.end(), belongs)) {
      planned_component planned;
      planned.said = component;
      planned.folder = component.name;
      planned.part = part;
      co_await take_component(all, one, std::move(planned));
    } else {
      all.warnings.push_back("No repo is named for " + one.component_label(component.name) +
                             "; whoever loads the pipeline must bring it.");
    }
  }
  refuse_absent_variant(one);
}

/// Reads what `one` is made of; its repo and options are set. @throws error
HUBCACHE_DECL asio::awaitable<pipeline_draft> open_pipeline(pipeline_drafts& all, pipeline_draft one) {
  one.planned.part = co_await all.part_of(one.asker, one.asked.repo, one.asked.options.snapshot);
  co_await read_indexes(all, one);
  drop_addresses(all, one);
  co_return one;
}

/// Plans `one`, which was opened. @throws error
HUBCACHE_DECL asio::awaitable<pipeline_draft> plan_pipeline(pipeline_drafts& all, pipeline_draft one) {
  co_await follow_links(all, one);
  if (one.planned.index_file == plain_index) {
    take_own(all, one);
  } else {
    co_await take_own_modular(all, one);
  }
  auto& files = one.planned.files;
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  for (const auto& path : files) all.take(one.planned.part, file_role(path, "pipeline"));
  for (const auto& component : one.index.components) {
    const auto at = one.components.find(component.name);
    if (at != one.components.end()) one.planned.components.push_back(std::move(at->second));
  }
  co_return one;
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
