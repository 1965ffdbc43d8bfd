#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/quarantine.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL const census_repo* find_repo(const census& seen, const std::string& label) {
  const auto at =
      std::lower_bound(seen.repos.begin(), seen.repos.end(), label,
                       [](const census_repo& r, const std::string& wanted) { return r.label() < wanted; });
  return at != seen.repos.end() && at->label() == label ? &*at : nullptr;
}

/// Names that snapshots of `repo` give the file at `path`.
HUBCACHE_DECL std::vector<std::string> entries_of(const census_repo& repo, const std::string& path) {
  std::vector<std::string> found;
  for (const auto& revision : repo.revisions) {
    for (const auto& entry : revision.entries) {
      if (entry.content && repo.contents[*entry.content].path == path)
        found.push_back(revision.path + "/" + entry.path);
    }
  }
  return found;
}

HUBCACHE_DECL quarantine_step plan_quarantine_step(const census& seen, const census_repo& repo,
                                        const checked_file& file) {
  quarantine_step step;
  step.file = file;
  step.repo_dir = repo.path;
  const bool of_a_repo = std::any_of(seen.repos.begin(), seen.repos.end(), [&file](const census_repo& r) {
    return file.payload.starts_with(r.path + "/");
  });
  if (!of_a_repo) {
    step.problem = "its bytes belong to another store: " + file.payload;
    return step;
  }
  const auto content = std::find_if(repo.contents.begin(), repo.contents.end(),
                                    [&file](const census_content& c) { return c.path == file.path; });
  if (content != repo.contents.end() && !content->blob && (content->status.mode & 0200U) != 0) {
    step.problem = "it is a plain file that its user may have edited; remove it to fetch it anew";
    return step;
  }
  if (file.commit.empty()) step.entries = entries_of(repo, file.path);
  if (file.path == file.payload) {
    step.path = file.path;
  } else {
    step.entries.push_back(
        file.path);  // a symlink itself; what it leads to has a step of its own, or is right
  }
  return step;
}

/// Removes the symlink `entry` if it still leads to `file`, without following any other.
HUBCACHE_DECL void remove_entry(const std::string& repo_dir, const std::string& entry,
                                const checked_file& file, std::error_code& ec) {
  const auto parent = std::filesystem::path(entry).parent_path();
  const auto folder = os::folder::open_below(repo_dir, parent.string(), ec);
  const auto name = os::last_segment(entry);
  const auto text = ec ? std::string() : folder.read_link(name, ec);
  const auto target = (parent / text).lexically_normal();
  if (!ec && (target == file.path || target == file.payload)) folder.remove(name, ec);
}

/// Moves `step.path` away; the name it got.
HUBCACHE_DECL std::string move_away(const quarantine_step& step, const std::string& cache_dir,
                                    std::error_code& ec) {
  const auto folder = quarantine_dir(cache_dir);
  const auto from =
      os::folder::open_below(step.repo_dir, std::filesystem::path(step.path).parent_path().string(), ec);
  const auto own = os::last_segment(step.path);
  const auto now = ec ? os::file_identity() : from.status(own, ec).identity;
  if (!ec && !os::same_bytes_state(now, step.file.identity)) {
    ec = std::make_error_code(std::errc::resource_unavailable_try_again);
  }
  if (!ec) os::folder::make_below(cache_dir, cache_dir + "/.locks", ec);
  const auto to = ec ? os::folder() : os::folder::open_below(cache_dir, folder, ec, 0700);
  const auto name = step.file.expected->hex() + "." + os::random_hex(8);
  if (!ec) from.move(own, to, name, ec);
  return folder + "/" + name;
}

HUBCACHE_DECL void quarantine_one(quarantine_step& step, const std::string& cache_dir,
                                  const std::string& state_dir) {
  const auto repo_folder = os::last_segment(step.repo_dir);
  const auto etag = step.file.commit.empty() ? os::last_segment(step.file.path) : step.file.expected->hex();
  std::error_code ec, unleased;
  const auto lease = ledger(state_dir).try_lease(cache_dir, repo_folder, os::lock_mode::exclusive, unleased);
  const auto lock = content_lock::try_lock(state_dir, *step.file.expected,
                                           cache_dir + "/.locks/" + repo_folder + "/" + etag + ".lock", ec);
  if ((!lease && !unleased) || (!lock && !ec)) {
    step.problem = "another process works on it";
    return;
  }
  if (!ec && !step.path.empty()) {
    auto to = move_away(step, cache_dir, ec);
    if (!ec) step.moved_to = std::move(to);
  }
  for (const auto& entry : step.entries) {
    if (!ec) remove_entry(step.repo_dir, entry, step.file, ec);
  }
  if (ec == std::errc::resource_unavailable_try_again) {
    step.problem = "it changed meanwhile";
  } else if (ec) {
    step.problem = ec.message();
  }
}

}  // namespace detail

HUBCACHE_DECL quarantine_plan plan_quarantine(const census& seen, const verification& done) {
  quarantine_plan plan;
  plan.cache_dir = seen.cache_dir;
  for (const auto& file : done.files) {
    const bool bad = file.outcome == verdict::corrupt || file.outcome == verdict::wrong_size;
    const auto* const repo = bad ? detail::find_repo(seen, file.repo) : nullptr;
    if (repo != nullptr) plan.steps.push_back(detail::plan_quarantine_step(seen, *repo, file));
  }
  return plan;
}

HUBCACHE_DECL quarantine_plan quarantine(quarantine_plan planned, const std::string& state_dir,
                                         const std::stop_token& stop) {
  for (auto& step : planned.steps) {
    if (!step.problem.empty()) continue;
    if (stop.stop_requested()) {
      step.problem = "interrupted";
    } else {
      detail::quarantine_one(step, planned.cache_dir, state_dir);
    }
  }
  return planned;
}

HUBCACHE_DECL std::vector<snapshot_files> files_to_fetch(const census& seen, const verification& done,
                                                         const quarantine_plan& moved) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> lost;  // [label, commit] -> files
  for (const auto& file : done.files) {
    if (file.outcome == verdict::missing && !file.commit.empty())
      lost[{file.repo, file.commit}].insert(file.file);
  }
  for (const auto& step : moved.steps) {
    if (!step.problem.empty()) continue;
    if (!step.file.commit.empty()) lost[{step.file.repo, step.file.commit}].insert(step.file.file);
    const auto snapshots = step.repo_dir + "/snapshots/";
    for (const auto& entry : step.entries) {
      if (!entry.starts_with(snapshots)) continue;  // a blob that was a symlink
      const auto name = entry.substr(snapshots.size());
      const auto slash = name.find('/');
      lost[{step.file.repo, name.substr(0, slash)}].insert(name.substr(slash + 1));
    }
  }
  std::vector<snapshot_files> result;
  for (auto& [where, files] : lost) {
    const auto* const repo = detail::find_repo(seen, where.first);
    if (repo == nullptr) continue;
    auto& one = result.emplace_back();
    one.type = repo->type;
    one.id = repo->id;
    one.commit = where.second;
    one.files.assign(files.begin(), files.end());
  }
  return result;
}

}  // namespace hubcache::inline v0_1
