#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/index_text.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/pipeline.hpp>
#include <hubcache/select/weight_names.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// A directory while it is put together.
class assembly_draft {
 public:
  assembly_draft(const bundle& brought, std::string dir) : brought_(brought) {
    result_.dir = std::move(dir);
    for (const auto& file : brought.files)
      files_.try_emplace(std::pair(file.part, std::string_view(file.file.path)), &file);
  }

  [[nodiscard]] const bundle_file& file_of(std::size_t part, std::string_view path) const {
    return *files_.at(std::pair(part, path));
  }
  [[nodiscard]] error_context context_of(std::size_t part, std::string_view path) const {
    return error_context{}.with_repo(brought_.parts[part].repo.display()).with_file(std::string(path));
  }
  /// Shows the file `path` of `part` as `name`.
  void link(std::size_t part, std::string_view path, std::string name) {
    claim(part, path, name);
    const auto& from = file_of(part, path);
    assembly_file file;
    file.path = std::move(name);
    file.file = brought_.path_of(from);
    file.what = from.file.what;
    file.sha256 = from.sha256.value_or(digest());
    file.repo = brought_.parts[part].repo;
    file.commit = brought_.parts[part].commit;
    file.source = path;
    result_.files.push_back(std::move(file));
  }
  /// Writes `text`, which the file `path` of `part` led to, as `name`.
  void write(std::size_t part, std::string_view path, std::string name, std::string text) {
    claim(part, path, name);
    result_.texts.emplace_back(std::move(name), std::move(text));
  }
  /// The text of a file of the snapshots; none of a preview's.
  [[nodiscard]] std::optional<std::string> text_of(std::size_t part, std::string_view path) const {
    if (brought_.dry_run) return std::nullopt;
    constexpr std::size_t limit = std::size_t{64} << 20U;
    const auto where = brought_.path_of(file_of(part, path));
    std::error_code ec;
    const auto real = std::filesystem::canonical(where, ec).string();
    auto text = ec ? std::string() : os::read_text(real, limit, ec);
    if (ec) throw_disk_error(ec, "read the index", where);
    return text;
  }
  [[nodiscard]] assembly release() { return std::move(result_); }

 private:
  void claim(std::size_t part, std::string_view path, const std::string& name) {
    const auto label = brought_.parts[part].repo.display() + "/" + std::string(path);
    const auto [at, fresh] = names_.try_emplace(name, label);
    if (fresh) return;
    throw error(errc::refused, "two files would be called " + name + ": " + at->second + " and " + label,
                context_of(part, path));
  }

  const bundle& brought_;
  std::map<std::pair<std::size_t, std::string_view>, const bundle_file*> files_;
  std::map<std::string, std::string> names_;  // in the directory, and where each is from
  assembly result_;
};

/// The last segments of these paths -> those that they get.
HUBCACHE_DECL std::map<std::string, std::string, std::less<>> plain_names_of(
    const std::vector<std::string>& paths) {
  const auto variants = variants_in(paths);
  std::map<std::string, std::string, std::less<>> names;
  for (const auto& path : paths) {
    const auto name = os::last_segment(path);
    auto plain = name;
    for (const auto& variant : variants) plain = plain_name(plain, variant);
    names.emplace(name, std::move(plain));
  }
  return names;
}

/// Shows the files of one component in the folder of its name.
HUBCACHE_DECL void add_component(assembly_draft& into, const planned_component& component, bool plain_names) {
  const auto names =
      plain_names ? plain_names_of(component.files) : std::map<std::string, std::string, std::less<>>();
  const bool renamed =
      std::any_of(names.begin(), names.end(), [](const auto& n) { return n.first != n.second; });
  const auto below = component.folder.empty() ? 0 : component.folder.size() + 1;
  for (const auto& path : component.files) {
    auto name = component.said.name + "/" + path.substr(below);
    if (!renamed) {
      into.link(component.part, path, std::move(name));
      continue;
    }
    const auto last = os::last_segment(path);
    name.replace(name.size() - last.size(), last.size(), names.at(last));
    if (!names_shard_index(last)) {
      into.link(component.part, path, std::move(name));
      continue;
    }
    try {
      const auto text = into.text_of(component.part, path);
      into.write(component.part, path, std::move(name), text ? with_shard_names(*text, names) : "");
    } catch (const error& e) {
      throw e.within(into.context_of(component.part, path));
    }
  }
}

/// A class as model_index.json has it: ["library","class"], or [null,null].
HUBCACHE_DECL std::string class_in_json(const planned_component* component) {
  if (component == nullptr) return "[null, null]";
  std::string text = "[";
  append_json_string(text, component->said.library, false);
  text += ", ";
  append_json_string(text, component->said.class_name, false);
  return text + "]";
}

/// The members of the index that an ordinary loader would not take, as it does: a component from elsewhere lies in
/// its own folder, one that is not here was not given.
HUBCACHE_DECL std::map<std::string, std::string, std::less<>> ordinary_members(const planned_pipeline& of,
                                                                               const assembly_draft& into) {
  const bool modular = of.index_file == modular_index;
  std::map<std::string, std::string, std::less<>> members;
  const auto index = parse_model_index(of.index_text);
  for (const auto& component : index.components) {
    if (std::find(of.addresses.begin(), of.addresses.end(), component.name) != of.addresses.end()) continue;
    if (component.link || !component.problem.empty() || modular)
      members.emplace(component.name, class_in_json(nullptr));
  }
  for (const auto& component : of.components) {
    if (!component.said.link && !modular) continue;
    if (component.said.library.empty() || component.said.class_name.empty()) {
      throw error(errc::malformed_file,
                  "nothing tells the class of the component '" + component.said.name +
                      "': neither the link to it, nor an index or a configuration beside its files",
                  into.context_of(component.part, component.folder));
    }
    members.insert_or_assign(component.said.name, class_in_json(&component));
  }
  return members;
}

/// `what`, made of the index and the listings of `of`. @throws error errc::malformed_file if its names cannot stand
HUBCACHE_DECL assembly with_checked_names(assembly what, const repo& of) {
  try {
    check_assembly_names(what);
  } catch (const error& e) {
    throw error(errc::malformed_file, e.detail(), e.context())
        .within(error_context{}.with_repo(of.display()));
  }
  return what;
}

}  // namespace detail

HUBCACHE_DECL assembly assembly_of(const pipeline_plan& what, const pipelines& ran, std::size_t which,
                                   std::string dir, bool plain_names) {
  const auto& pipeline = what.pipelines[which];
  detail::assembly_draft draft(ran.bundle, os::absolute_path(dir));
  for (const auto& component : pipeline.components) detail::add_component(draft, component, plain_names);
  const std::string index(detail::plain_index);
  const auto members = detail::ordinary_members(pipeline, draft);
  for (const auto& path : pipeline.files) {
    if (path != index || members.empty()) draft.link(pipeline.part, path, path);
  }
  if (!members.empty()) {
    draft.write(pipeline.part, pipeline.index_file, index, with_members(pipeline.index_text, members));
  }
  return detail::with_checked_names(draft.release(), ran.bundle.parts[pipeline.part].repo);
}

}  // namespace hubcache::inline v0_1
