#pragma once

#include <hubcache/error.hpp>
#include <hubcache/plan/plan.hpp>
#include <hubcache/select/patterns.hpp>
#include <hubcache/store/local_layout.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <unordered_map>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::uint64_t plan::bytes(file_action action) const {
  std::uint64_t sum = 0;
  for (const auto& step : steps) {
    if (step.action == action) sum = detail::bounded_sum(sum, step.what.size);
  }
  return sum;
}

HUBCACHE_DECL std::string plan::tree_path(std::string_view commit) const {
  return local() ? local_layout(view).tree(commit) : layout.tree(commit);
}

HUBCACHE_DECL std::string plan::partial_of(const content& what) const {
  if (!local()) return layout.partial(what.name);
  return local_layout(view).partial(what.name);
}

HUBCACHE_DECL std::vector<const file_entry*> select_files(const listing& files,
                                                          const snapshot_options& options) {
  std::vector<const file_entry*> selected;
  if (options.files.empty()) {
    selection wanted;
    wanted.allow = options.allow;
    wanted.ignore = options.ignore;
    for (const auto& file : files.files) {
      if (wanted(file.path)) selected.push_back(&file);
    }
    return selected;
  }
  for (const auto& name : options.files) {
    const auto before = selected.size();
    if (!name.ends_with('/')) {
      if (const auto* file = files.find(name)) selected.push_back(file);
    } else {
      for (const auto& file : files.files) {
        if (file.path.starts_with(name)) selected.push_back(&file);
      }
    }
    if (selected.size() == before) {
      throw error(
          errc::file_not_found,
          "commit " + files.commit + " has no " + (name.ends_with('/') ? "folder" : "file") + " of this name",
          error_context{}.with_file(name));
    }
  }
  std::sort(selected.begin(), selected.end());
  selected.erase(std::unique(selected.begin(), selected.end()), selected.end());
  return selected;
}

namespace detail {

/// The number of the first rule that matches `path`; rules.size() if none does.
HUBCACHE_DECL std::size_t first_rule(const std::vector<link_rule>& rules, std::string_view path) {
  const auto fits = [path](const link_rule& rule) { return matches(rule.pattern, path); };
  return static_cast<std::size_t>(std::find_if(rules.begin(), rules.end(), fits) - rules.begin());
}

/// Adds to `step` what its content is inspected for as `file`.
HUBCACHE_DECL void add_rules(plan_step& step, const file_entry& file, const snapshot_options& options) {
  step.rules.pickles = options.require.contains(requirement::safetensors);
  const auto* locked = options.lock ? options.lock->find(file.path) : nullptr;
  if (locked == nullptr || step.what.name.algorithm() == digest_algorithm::sha256) return;
  if (step.rules.sha256 && *step.rules.sha256 != locked->sha256) {
    throw error(errc::lock_mismatch,
                "the lock file has sha256 " + locked->sha256.hex() + ", and " + step.rules.sha256->hex() +
                    " for " + step.file + ", which is the same content",
                error_context{}.with_file(file.path));
  }
  step.rules.sha256 = locked->sha256;
}

}  // namespace detail

HUBCACHE_DECL void make_steps(plan& draft, const plan_lookups& machine) {
  const auto& rules = draft.options.link_rules;
  std::unordered_map<content, std::size_t> step_of;
  std::vector<std::size_t> rule_of;  // as draft.steps
  for (const file_entry* file : select_files(draft.listing, draft.options)) {
    const content what(*file->name(), file->size);
    const auto [at, fresh] = step_of.try_emplace(what, draft.steps.size());
    if (fresh) {
      plan_step step;
      step.what = what;
      step.file = file->path;
      draft.steps.push_back(std::move(step));
      rule_of.push_back(rules.size());
    }
    rule_of[at->second] = std::min(rule_of[at->second], detail::first_rule(rules, file->path));
    plan_entry entry;
    entry.path = file->path;
    entry.step = at->second;
    draft.entries.push_back(std::move(entry));

    auto& step = draft.steps[at->second];
    detail::add_rules(step, *file, draft.options);
    const auto target = draft.plain_files ? file->path : what.name.hex();
    if (!fresh && !draft.plain_files) continue;  // one blob serves all names
    if (draft.options.force_download || !machine.present(target, what)) {
      step.targets.push_back(target);
    } else if (draft.plain_files) {
      place twin;
      twin.path = draft.target_root + "/" + target;
      twin.store = mutability::mutable_store;
      step.places.push_back(std::move(twin));
    }
  }
  for (std::size_t i = 0; i < draft.steps.size(); ++i) {
    auto& step = draft.steps[i];
    step.links = rule_of[i] < rules.size() ? rules[rule_of[i]].kinds : draft.options.links;
    step.action = step.targets.empty() ? file_action::present : file_action::fetched;
    if (step.targets.empty() || draft.options.force_download) continue;
    for (auto& where : machine.places(step.what)) step.places.push_back(std::move(where));
    if (!step.places.empty()) step.action = file_action::linked;
  }
}

HUBCACHE_DECL std::string to_string(const plan& p) {
  const auto present = p.bytes(file_action::present);
  const auto in_all =
      detail::bounded_sum(present, detail::bounded_sum(p.bytes_to_link(), p.bytes_to_fetch()));
  auto text = p.repo.display() + " at " + p.listing.commit.substr(0, 12) + ": " +
              std::to_string(p.entries.size()) + (p.entries.size() == 1 ? " file, " : " files, ") +
              format_bytes(in_all) + " in all: " + format_bytes(present) + " present, " +
              format_bytes(p.bytes_to_link()) + " to link, " + format_bytes(p.bytes_to_fetch()) + " to fetch";
  for (const auto& step : p.steps) {
    text += step.action == file_action::present  ? "\n  present "
            : step.action == file_action::linked ? "\n  link    "
                                                 : "\n  fetch   ";
    const auto size = format_bytes(step.what.size);
    text.append(size.size() < 6 ? 6 - size.size() : 0, ' ').append(size).append(" ").append(step.file);
    // Names on this machine, unlike those of a listing, may have control characters.
    if (step.action == file_action::linked && !step.places.empty()) {
      text += " from " + printable(step.places.front().path, 4096);
    }
  }
  for (const auto& warning : p.warnings) text += "\n  Warning: " + warning;
  return text;
}

HUBCACHE_DECL snapshot preview(const plan& p) {
  snapshot result;
  result.path = p.view;
  result.repo = p.repo;
  result.revision = p.revision;
  result.commit = p.listing.commit;
  result.dry_run = true;
  std::vector<bool> counted(p.steps.size());
  for (const auto& entry : p.entries) {
    const auto& step = p.steps[entry.step];
    snapshot_file file;
    file.path = entry.path;
    file.what = step.what;
    file.action = counted[entry.step] ? file_action::present : step.action;
    if (file.action == file_action::linked) file.source = step.places.front().path;
    counted[entry.step] = true;
    result.totals.bytes_total += file.what.size;
    switch (file.action) {
      case file_action::present:
        result.totals.bytes_present += file.what.size;
        break;
      case file_action::linked:
        result.totals.bytes_linked += file.what.size;
        break;
      case file_action::fetched:
        result.totals.bytes_fetched += file.what.size;
        break;
    }
    result.files.push_back(std::move(file));
  }
  result.totals.requests = p.requests;
  result.totals.bytes_wire = p.bytes_wire;
  result.totals.seconds = p.seconds;
  return result;
}

}  // namespace hubcache::inline v0_1
