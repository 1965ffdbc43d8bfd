#include "pipeline_report.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "json_object.hpp"
#include "pipeline_sharing.hpp"
#include "report.hpp"
#include "table.hpp"

namespace command {

namespace {

using hubcache::component_place;
using components = std::map<std::string, component_place>;

/// The components as the directory shows them: a folder each, of its own name.
components components_in(const hubcache::assembly& shown, const components& of) {
  components result;
  for (const auto& [name, place] : of) result[name].dir = shown.dir + "/" + name;
  const auto add = [&](const std::string& path) {
    const auto at = result.find(path.substr(0, path.find('/')));
    if (at != result.end()) at->second.files.push_back(shown.dir + "/" + path);
  };
  for (const auto& file : shown.files) add(file.path);
  for (const auto& text : shown.texts) add(text.path);
  for (auto& [name, place] : result) std::sort(place.files.begin(), place.files.end());
  return result;
}

std::string json_of(const components& all) {
  json_object out;
  for (const auto& [name, place] : all) {
    json_object one;
    one.text("dir", place.dir).raw("files", json_array(place.files, json_string));
    out.raw(name, std::move(one).close());
  }
  return std::move(out).close();
}

std::string json_of(const pipelines_outcome& result, std::size_t i, const hubcache::part_cost& cost) {
  const auto& one = result.done.all[i];
  const auto& own = result.done.bundle.parts[one.part];
  json_object out;
  out.text("repo_id", own.repo.id())
      .text("revision", own.revision)
      .text("commit", own.commit)
      .text("path", one.path)
      .raw("components", json_of(one.components))
      .number("bytes_shared", cost.bytes_shared)
      .number("bytes_alone", cost.bytes_alone)
      .number("bytes_to_fetch", cost.bytes_to_fetch);
  return std::move(out).close();
}

/// The files of the directory, and how each came: null for what was written, and in a dry run.
std::string json_of_files(const hubcache::assembly& shown, const hubcache::assembly_report& done) {
  const auto json_of_file = [](const std::string& path, std::string_view link) {
    json_object out;
    out.text("path", path).text_or_null("link", link);
    return std::move(out).close();
  };
  if (done.files.empty()) {
    std::vector<std::string> paths;
    for (const auto& file : shown.files) paths.push_back(file.path);
    for (const auto& text : shown.texts) paths.push_back(text.path);
    return json_array(paths, [&](const std::string& path) { return json_of_file(path, ""); });
  }
  return json_array(done.files, [&](const hubcache::assembled_file& file) {
    return json_of_file(file.path, file.link ? to_string(*file.link) : "");
  });
}

/// Files and bytes of one row of the table.
struct component_row {
  std::size_t files = 0;
  std::uint64_t size = 0;
  std::array<std::uint64_t, 3> by_action{};

  void add(const hubcache::snapshot_file& file) {
    ++files;
    size += file.what.size;
    by_action.at(static_cast<std::size_t>(file.action)) += file.what.size;
  }
};

/// Bytes, or a dash for none.
std::string amount(std::uint64_t bytes) { return bytes == 0 ? "-" : hubcache::format_bytes(bytes); }

void add_row(table& to, const std::string& name, const std::string& from, const component_row& row) {
  const auto bytes = [&row](hubcache::file_action action) {
    return amount(row.by_action.at(static_cast<std::size_t>(action)));
  };
  using enum hubcache::file_action;
  to.add({name, from, std::to_string(row.files), hubcache::format_bytes(row.size), bytes(present),
          bytes(linked), bytes(fetched)});
}

/// "owner/name@revision/folder": what is as expected is left out.
std::string place_of(const hubcache::pipeline_plan& plan, const hubcache::planned_component& one,
                     std::size_t own_part) {
  const auto& what = plan.bundle.parts[one.part].what;
  std::string text = what.repo.display();
  if (one.part == own_part) return text;
  if (what.revision != "main") text += "@" + what.revision;
  return one.folder.empty() ? text : text + "/" + one.folder;
}

/// A row for each component of pipeline `i`, and one for the files beside them.
std::string table_of(const pipelines_outcome& result, std::size_t i) {
  const auto& one = result.plan.pipelines[i];
  table rows({{"COMPONENT"},
              {"FROM"},
              {"FILES", table::align::right},
              {"SIZE", table::align::right},
              {"PRESENT", table::align::right},
              {"LINK", table::align::right},
              {"DOWNLOAD", table::align::right}});
  const auto row_of = [&](std::size_t part, const std::string& role) {
    component_row row;
    for (const auto& file : result.done.bundle.files) {
      if (file.part == part && file.role == role) row.add(file.file);
    }
    return row;
  };
  add_row(rows, "(pipeline)", result.plan.bundle.parts[one.part].what.repo.display(),
          row_of(one.part, "pipeline"));
  for (const auto& component : one.components) {
    add_row(rows, component.said.name, place_of(result.plan, component, one.part),
            row_of(component.part, "component:" + component.said.name));
  }
  return rows.text();
}

/// The files of the directory and where each would come from.
std::string table_of(const hubcache::assembly& shown) {
  table rows({{"FILE"}, {"FROM"}});
  for (const auto& file : shown.files) rows.add({file.path, file.repo.display() + "/" + file.source});
  for (const auto& text : shown.texts) rows.add({text.path, "written"});
  return rows.text();
}

}  // namespace

std::string json_of(const pipelines_outcome& result) {
  const bool one = result.plan.asked == 1;
  auto out = object_of(result.done.bundle, one ? paths_of(result).front() : "");
  if (one) {
    const auto& found = result.done.all.front().components;
    out.raw("components", json_of(result.shown ? components_in(*result.shown, found) : found));
  }
  if (result.done.all.size() > 1) {
    const auto costs = costs_of(result.plan);
    std::string list;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      list.append(list.empty() ? "[" : ", ").append(json_of(result, i, costs[i]));
    }
    out.raw("pipelines", list + "]");
  }
  if (result.shown) out.raw("assembled", json_of_files(*result.shown, result.assembled));
  return std::move(out).close();
}

std::string preview_of(const pipelines_outcome& result) {
  std::string text = promises_of(result.done.bundle);
  const auto count = result.plan.pipelines.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += "\n";
    if (count > 1) {
      const auto& commit = result.plan.bundle.parts[result.plan.pipelines[i].part].what.listing.commit;
      text += name_of(result.plan, i) + " at " + commit.substr(0, 12) + "\n\n";
    }
    text += table_of(result, i);
  }
  if (const auto sharing = sharing_of(result.plan); !sharing.empty()) text += "\n" + sharing;
  if (result.shown) text += "\n" + result.shown->dir + "\n\n" + table_of(*result.shown);
  return text;
}

std::string summary_of(const hubcache::assembly_report& done) {
  std::map<std::string_view, std::size_t> ways;
  for (const auto& file : done.files) {
    ++ways[file.kept ? "there already" : file.link ? to_string(*file.link) : "written"];
  }
  std::string text = counted(done.files.size(), "file");
  for (const auto& [way, count] : ways) {
    text.append(way == ways.begin()->first ? ": " : ", ")
        .append(way)
        .append(" (" + std::to_string(count) + ")");
  }
  if (!done.removed.empty()) text += "; " + counted(done.removed.size(), "file") + " of before removed";
  for (const auto& pin : done.pins) text += "; pinned " + pin.repo + " at " + pin.revision.substr(0, 12);
  return text;
}

std::vector<std::string> paths_of(const pipelines_outcome& result) {
  if (result.shown) return {result.shown->dir};
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < result.plan.asked; ++i) paths.push_back(result.done.all[i].path);
  return paths;
}

}  // namespace command
