#include "pipeline_sharing.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "table.hpp"

namespace command {

namespace {

/// Contents by path in the component's folder.
using component_files = std::map<std::string, hubcache::content>;

component_files files_of(const hubcache::pipeline_plan& plan, const hubcache::planned_component& one) {
  component_files result;
  const auto& listing = plan.bundle.parts[one.part].what.listing;
  for (const auto& path : one.files) {
    const auto* entry = listing.find(path);
    if (entry == nullptr || !entry->name()) continue;
    const auto inside = one.folder.empty() ? 0 : one.folder.size() + 1;
    result.emplace(path.substr(inside), hubcache::content(*entry->name(), entry->size));
  }
  return result;
}

/// The first of the largest files.
const hubcache::content& largest(const component_files& files) {
  return std::max_element(files.begin(), files.end(),
                          [](const auto& a, const auto& b) { return a.second.size < b.second.size; })
      ->second;
}

/// The same component of several pipelines.
struct component_group {
  std::string name;
  hubcache::content key;
  std::vector<std::size_t> pipelines;
  std::vector<component_files> files;  ///< As `pipelines`.
};

std::vector<component_group> groups_of(const hubcache::pipeline_plan& plan) {
  std::vector<component_group> groups;
  for (std::size_t i = 0; i < plan.pipelines.size(); ++i) {
    for (const auto& one : plan.pipelines[i].components) {
      auto files = files_of(plan, one);
      if (files.empty()) continue;
      const auto key = largest(files);
      auto at = std::find_if(groups.begin(), groups.end(), [&](const component_group& group) {
        return group.name == one.said.name && group.key == key;
      });
      if (at == groups.end()) at = groups.insert(at, component_group{one.said.name, key, {}, {}});
      at->pipelines.push_back(i);
      at->files.push_back(std::move(files));
    }
  }
  return groups;
}

shared_component compare(const component_group& group) {
  shared_component result;
  result.name = group.name;
  result.pipelines = group.pipelines;
  std::set<std::string> paths;
  for (const auto& files : group.files) {
    for (const auto& [path, what] : files) paths.insert(path);
  }
  for (const auto& path : paths) {
    const auto first = group.files.front().find(path);
    const bool same = first != group.files.front().end() &&
                      std::all_of(group.files.begin(), group.files.end(), [&](const component_files& files) {
                        const auto at = files.find(path);
                        return at != files.end() && at->second == first->second;
                      });
    if (same) {
      result.size += first->second.size;
    } else {
      result.differing.push_back(path);
    }
  }
  return result;
}

/// The pipeline as if it were one part, with the steps of its files. Contents in `fetched` count as linked.
hubcache::bundle_part as_part(const hubcache::pipeline_plan& plan, const hubcache::planned_pipeline& one,
                              std::unordered_set<hubcache::content>& fetched) {
  std::map<std::size_t, std::set<std::string_view>> wanted;  // paths by part
  wanted[one.part].insert(one.files.begin(), one.files.end());
  for (const auto& component : one.components) {
    wanted[component.part].insert(component.files.begin(), component.files.end());
  }
  hubcache::bundle_part result;
  std::unordered_set<hubcache::content> counted;
  for (const auto& [part, paths] : wanted) {
    const auto& what = plan.bundle.parts[part].what;
    for (const auto& entry : what.entries) {
      auto step = what.steps[entry.step];
      if (!paths.contains(entry.path) || !counted.insert(step.what).second) continue;
      if (step.action == hubcache::file_action::fetched && !fetched.insert(step.what).second) {
        step.action = hubcache::file_action::linked;
      }
      result.what.steps.push_back(std::move(step));
    }
  }
  return result;
}

/// "config.json, x.json", or their number if there are more.
std::string list_of(const std::vector<std::string>& names) {
  if (names.empty()) return "-";
  if (names.size() > 2) return counted(names.size(), "file");
  return names.front() + (names.size() == 2 ? ", " + names.back() : "");
}

}  // namespace

std::vector<shared_component> shared_components(const hubcache::pipeline_plan& plan) {
  std::vector<shared_component> result;
  for (const auto& group : groups_of(plan)) {
    if (group.pipelines.size() > 1) result.push_back(compare(group));
  }
  return result;
}

std::vector<hubcache::part_cost> costs_of(const hubcache::pipeline_plan& plan) {
  std::unordered_set<hubcache::content> fetched;
  hubcache::bundle_plan by_pipeline;
  for (const auto& one : plan.pipelines) by_pipeline.parts.push_back(as_part(plan, one, fetched));
  return hubcache::costs_of(by_pipeline);
}

std::string name_of(const hubcache::pipeline_plan& plan, std::size_t pipeline) {
  const auto& own = plan.bundle.parts[plan.pipelines[pipeline].part].what;
  return own.repo.display() + (own.revision == "main" ? "" : "@" + own.revision);
}

std::string sharing_of(const hubcache::pipeline_plan& plan) {
  if (plan.pipelines.size() < 2) return {};
  std::string text;
  const auto shared = shared_components(plan);
  if (!shared.empty()) {
    table components({{"COMPONENT"}, {"SIZE", table::align::right}, {"THE SAME IN"}, {"BUT FOR"}});
    for (const auto& one : shared) {
      std::string names;
      for (const auto i : one.pipelines) names += (names.empty() ? "" : ", ") + name_of(plan, i);
      components.add({one.name, hubcache::format_bytes(one.size),
                      one.pipelines.size() == plan.pipelines.size() ? "all" : names, list_of(one.differing)});
    }
    text += components.text() + "\n";
  }
  table costs({{"PIPELINE"},
               {"SIZE", table::align::right},
               {"SHARED", table::align::right},
               {"ALONE", table::align::right},
               {"DOWNLOAD", table::align::right}});
  const auto each = costs_of(plan);
  for (std::size_t i = 0; i < each.size(); ++i) {
    costs.add({name_of(plan, i), hubcache::format_bytes(each[i].bytes_total),
               hubcache::format_bytes(each[i].bytes_shared), hubcache::format_bytes(each[i].bytes_alone),
               hubcache::format_bytes(each[i].bytes_to_fetch)});
  }
  return text + costs.text();
}

}  // namespace command
