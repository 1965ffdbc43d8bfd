#pragma once

#include <hubcache/error.hpp>
#include <hubcache/select/gguf.hpp>
#include <hubcache/select/recipe.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// A path of a repo in three parts: "vae/", "ae", ".safetensors".
struct path_parts {
  explicit path_parts(std::string_view path) {
    const auto slash = path.rfind('/');
    folder = path.substr(0, slash == path.npos ? 0 : slash + 1);
    name = path.substr(folder.size());
    const auto dot = name.rfind('.');
    suffix = dot == name.npos ? std::string_view() : name.substr(dot);
  }
  std::string_view folder;
  std::string_view name;  ///< With the suffix.
  std::string_view suffix;
};

/// How far `path` is from the path that was asked for; 4: it cannot have been meant.
HUBCACHE_DECL int path_distance(const path_parts& path, const path_parts& wanted) {
  if (equal_without_case(path.name, wanted.name)) return 0;
  const bool beside = path.folder == wanted.folder;
  const bool alike = path.suffix == wanted.suffix && !path.suffix.empty();
  if (alike) return beside ? 1 : 2;
  return beside ? 3 : 4;
}

/// Up to five files (or folders, if `wanted` is one) that `wanted` could have meant, nearest first.
HUBCACHE_DECL std::vector<std::string> near_misses(std::string_view wanted, const listing& files) {
  const bool folder = wanted.ends_with('/');
  if (folder) wanted.remove_suffix(1);
  std::set<std::string_view> candidates;
  for (const auto& file : files.files) {
    const std::string_view path = file.path;
    if (!folder) candidates.insert(path);
    for (auto at = path.find('/'); folder && at != path.npos; at = path.find('/', at + 1)) {
      candidates.insert(path.substr(0, at));
    }
  }
  std::vector<std::pair<int, std::string_view>> ranked;
  for (const auto path : candidates) {
    const int rank = path_distance(path_parts(path), path_parts(wanted));
    if (rank < 4) ranked.emplace_back(rank, path);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> result;
  for (std::size_t i = 0; i < std::min<std::size_t>(5, ranked.size()); ++i) {
    result.push_back(std::string(ranked[i].second) + (folder ? "/" : ""));
  }
  return result;
}

HUBCACHE_DECL error no_such_file(const recipe_role& role, const listing& files) {
  auto detail = "role '" + role.name + "': commit " + files.commit + " has no " +
                (role.file.ends_with('/') ? "folder" : "file") + " of this name";
  const auto near = near_misses(role.file, files);
  for (const auto& path : near) detail.append(&path == &near.front() ? "; it has " : ", ").append(path);
  return {errc::file_not_found, detail, error_context{}.with_file(role.file)};
}

HUBCACHE_DECL role_selection select_model(const recipe_role& role, const listing& files) {
  std::vector<std::string> paths;
  for (const auto* file : files.as_reported()) {
    if (file->path != "preset.ini") paths.push_back(file->path);
  }
  gguf_selection chosen;
  try {
    chosen = select_gguf(paths, gguf_wish(*role.quant));
  } catch (const error& e) {
    throw error(e.reason(), "role '" + role.name + "': " + e.detail(), e.context());
  }
  role_selection result;
  for (const auto& part : chosen.parts) result.files.emplace_back(part, role.name);
  if (!chosen.mmproj.empty()) result.files.emplace_back(chosen.mmproj, role.name + ".mmproj");
  result.warnings = std::move(chosen.warnings);
  return result;
}

}  // namespace detail

HUBCACHE_DECL role_selection select_role(const recipe_role& role, const listing& files) {
  role_selection result;
  if (role.quant) {
    result = detail::select_model(role, files);
  } else if (role.file.ends_with('/')) {
    for (const auto& file : files.files) {
      if (file.path.starts_with(role.file)) result.files.emplace_back(file.path, role.name);
    }
  } else if (files.find(role.file) != nullptr) {
    result.files.emplace_back(role.file, role.name);
  }
  if (result.files.empty()) throw detail::no_such_file(role, files);
  std::sort(result.files.begin(), result.files.end());
  return result;
}

}  // namespace hubcache::inline v0_1
