#pragma once

#include <hubcache/impl/select_weight_patterns.ipp>
#include <hubcache/select/diffusers.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

using path_list = std::vector<std::string_view>;  // sorted, none twice
using name_set = std::set<std::string_view>;

HUBCACHE_DECL path_list sorted_paths(std::span<const std::string> listing) {
  path_list paths(listing.begin(), listing.end());
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

HUBCACHE_DECL std::string_view first_segment(std::string_view path) noexcept {
  return path.substr(0, path.find('/'));
}
HUBCACHE_DECL std::string_view base_name(std::string_view path) noexcept {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}
HUBCACHE_DECL bool has_two_segments(std::string_view path) noexcept {
  const auto slash = path.find('/');
  return slash != path.npos && path.find('/', slash + 1) == path.npos;
}

/// The files of one folder that hold the same weights, whole and in shards.
struct weight_sets {
  path_list single;
  path_list shards;
  path_list index;
  path_list marks;  // of the shards: "-00001-of-00002"

  [[nodiscard]] bool has_two() const noexcept { return !single.empty() && !shards.empty() && !index.empty(); }

  /// Whether the shards are all that their names count.
  [[nodiscard]] bool is_complete() const {
    const auto total = marks.front().substr(10);
    const auto same = [total](std::string_view mark) { return mark.substr(10) == total; };
    auto count = std::to_string(marks.size());
    if (count.size() < total.size()) count.insert(0, total.size() - count.size(), '0');
    return total == count && std::all_of(marks.begin(), marks.end(), same) &&
           marks.front().substr(1, 5) == "00001" && marks.back().substr(1, 5) == total;
  }
};

/// The sets STEM.FORMAT among `paths`, picked from one folder: all of the variant, or all without one.
HUBCACHE_DECL weight_sets sets_of(const path_list& paths, std::string_view stem, std::string_view format,
                                  std::string_view variant) {
  weight_sets sets;
  for (const auto path : paths) {
    const auto name = base_name(path);
    auto rest = name;
    if (!take_text(rest, stem)) continue;
    if (is_plain_index(name) || is_variant_index(name, variant)) {
      if (rest.starts_with(format)) sets.index.push_back(path);
    } else if (is_plain_weights(name) || is_variant_weights(name, variant)) {
      if (!rest.ends_with(format)) continue;
      rest.remove_suffix(format.size());
      const auto mark = rest.substr(rest.size() - std::min(rest.size(), shard_mark_size));
      auto digits = mark;
      const bool shard = take_shard_mark(digits);
      (shard ? sets.shards : sets.single).push_back(path);
      if (shard) sets.marks.push_back(mark);
    }
  }
  return sets;
}

/// The files among `paths`, picked from one folder, that its loader passes over because it finds the same weights before
/// them. transformers (stems model, pytorch_model) looks for the single file first; diffusers for the index of shards,
/// but of .bin only where no safetensors are wanted: those stay.
HUBCACHE_DECL name_set unread_weights(const path_list& paths, std::string_view variant) {
  name_set unread;
  const auto drop = [&unread](const path_list& files) { unread.insert(files.begin(), files.end()); };
  const auto own = sets_of(paths, "diffusion_pytorch_model", ".safetensors", variant);
  if (own.has_two() && own.is_complete()) drop(own.single);
  for (const std::string_view stem : {"model", "pytorch_model"}) {
    for (const std::string_view format : {".safetensors", ".bin"}) {
      const auto sets = sets_of(paths, stem, format, variant);
      if (sets.single.empty()) continue;
      drop(sets.shards);
      drop(sets.index);
    }
  }
  return unread;
}

/// The folders that loading looks into: of components that were given, are not the caller's and lie in this repo.
HUBCACHE_DECL name_set loaded_folders(const model_index& index, const diffusers_wish& wish) {
  name_set loaded;
  for (const auto& component : index.components) {
    if (!component.library.empty() && !component.link) loaded.insert(component.name);
  }
  for (const auto& name : wish.skip) loaded.erase(name);
  return loaded;
}

/// What of `files`, diffusers' own choice, loading reads. @param picked  the weights among them and their indexes
HUBCACHE_DECL path_list read_by_loading(const path_list& files, const path_list& picked,
                                        const model_index& index, const diffusers_wish& wish,
                                        const name_set& model_folders) {
  std::map<std::string_view, path_list> folders;
  for (const auto path : files) folders[first_segment(path)].push_back(path);
  const auto loaded = loaded_folders(index, wish);
  // A component without a folder is loaded from the root.
  const bool root =
      !std::all_of(loaded.begin(), loaded.end(), [&](auto name) { return folders.contains(name); });

  const auto is_read = [&](std::string_view path) {
    const auto folder = first_segment(path);
    const bool weights = std::binary_search(picked.begin(), picked.end(), path);
    if (folder.size() == path.size()) return root || !weights;
    if (path == index.custom_module + ".py") return true;
    return loaded.contains(folder) && (!weights || has_two_segments(path) || !model_folders.contains(folder));
  };
  name_set unread;
  for (auto& [folder, paths] : folders) {
    if (!model_folders.contains(folder)) continue;
    std::erase_if(paths, [](std::string_view path) { return !has_two_segments(path); });
    unread.merge(unread_weights(paths, wish.variant));
  }
  path_list read;
  std::copy_if(files.begin(), files.end(), std::back_inserter(read),
               [&](std::string_view path) { return is_read(path) && !unread.contains(path); });
  return read;
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
