#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL removal_choice::removal_choice(const census& seen)
    : repos(seen.repos.size()), contents(select_nothing(seen)) {
  for (const auto& repo : seen.repos) {
    revisions.emplace_back(repo.revisions.size());
    partials.emplace_back(repo.partials.size());
  }
}

namespace detail {

template <class Count>
std::size_t sum_over(const removal& what, Count count) {
  return std::accumulate(
      what.repos.begin(), what.repos.end(), std::size_t{0},
      [&](std::size_t sum, const repo_removal& repo) { return sum + std::size_t{count(repo)}; });
}

HUBCACHE_DECL bool all_of(const std::vector<bool>& flags) {
  return std::find(flags.begin(), flags.end(), false) == flags.end();
}

HUBCACHE_DECL bool any_of(const std::vector<bool>& flags) {
  return std::find(flags.begin(), flags.end(), true) != flags.end();
}

/// Which contents of `repo` the revisions in `of` use.
HUBCACHE_DECL std::vector<bool> used_by(const census_repo& repo, const std::vector<bool>& of) {
  std::vector<bool> used(repo.contents.size());
  for (std::size_t v = 0; v < of.size(); ++v) {
    if (!of[v]) continue;
    for (const auto& entry : repo.revisions[v].entries) {
      if (entry.content) used[*entry.content] = true;
    }
  }
  return used;
}

HUBCACHE_DECL std::uint64_t apparent_size(const census_repo& repo, const std::vector<bool>& contents) {
  std::uint64_t sum = 0;
  for (std::size_t c = 0; c < contents.size(); ++c) {
    if (contents[c]) sum += repo.contents[c].status.identity.size;
  }
  return sum;
}

/// The parts of `seen` that could not be read, by repo.
HUBCACHE_DECL std::vector<bool> unreadable_repos(const census& seen) {
  std::vector<bool> result(seen.repos.size());
  for (const auto& problem : seen.problems) {
    if (!problem.unreadable) continue;
    for (std::size_t r = 0; r < result.size(); ++r) {
      const auto& path = seen.repos[r].path;
      if (problem.path == path || problem.path.starts_with(path + "/")) result[r] = true;
    }
  }
  return result;
}

/// Whether nothing of the repo stays once `gone` and what else is chosen are removed.
HUBCACHE_DECL bool goes_whole(const removal_choice& chosen, std::size_t r, const std::vector<bool>& gone) {
  if (chosen.repos[r]) return true;
  return all_of(chosen.revisions[r]) && all_of(gone) && all_of(chosen.partials[r]) &&
         (any_of(chosen.revisions[r]) || any_of(gone) || any_of(chosen.partials[r]));
}

HUBCACHE_DECL repo_removal removal_of(const census_repo& repo, const removal_choice& chosen, std::size_t r,
                                      const std::vector<bool>& gone) {
  repo_removal result;
  result.label = repo.label();
  result.path = repo.path;
  result.real_path = repo.real_path;
  result.device = repo.status.identity.device;
  result.inode = repo.status.identity.inode;
  result.whole = goes_whole(chosen, r, gone);
  for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
    if (!chosen.revisions[r][v] && !chosen.repos[r]) continue;
    auto& one = result.revisions.emplace_back();
    one.commit = repo.revisions[v].commit;
    one.refs = repo.revisions[v].refs;
    for (const auto& entry : repo.revisions[v].entries) {
      if (entry.content && !repo.contents[*entry.content].blob) one.plain_files.push_back(entry.path);
    }
    std::vector<bool> only(repo.revisions.size());
    only[v] = true;
    one.apparent = apparent_size(repo, used_by(repo, only));
  }
  for (std::size_t c = 0; c < gone.size(); ++c) {
    if (gone[c] && repo.contents[c].blob) result.blobs.push_back(os::last_segment(repo.contents[c].path));
  }
  for (std::size_t p = 0; p < repo.partials.size(); ++p) {
    if (chosen.partials[r][p] || chosen.repos[r])
      result.partials.push_back(os::last_segment(repo.partials[p].path));
  }
  return result;
}

/// The paths of all files in the census that are no links.
HUBCACHE_DECL std::set<std::string_view> real_paths(const census& seen) {
  std::set<std::string_view> result;
  for (const auto& repo : seen.repos) {
    for (const auto& content : repo.contents) {
      if (content.payload == content.path) result.insert(content.path);
    }
  }
  return result;
}

/// Says what becomes of files that are shared by symlinks.
HUBCACHE_DECL void add_link_notes(removal& result, const census& seen, const content_selection& gone) {
  const auto own = real_paths(seen);
  std::map<std::string_view, std::string> handed;  // path of a file that goes -> the repo that gets it
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    std::size_t elsewhere = 0;
    for (std::size_t c = 0; c < seen.repos[r].contents.size(); ++c) {
      const auto& content = seen.repos[r].contents[c];
      if (content.payload == content.path) continue;
      if (gone[r][c] && !own.contains(content.payload)) ++elsewhere;
      if (!gone[r][c]) handed.emplace(content.payload, seen.repos[r].label());
    }
    if (elsewhere > 0) {
      result.notes.push_back(
          seen.repos[r].label() + ": " + std::to_string(elsewhere) +
          (elsewhere == 1 ? " blob is a symlink" : " blobs are symlinks") +
          " into another store; what they lead to stays (in huggingface_hub's shared store "
          "until `hf cache prune`).");
    }
  }
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    for (std::size_t c = 0; c < seen.repos[r].contents.size(); ++c) {
      const auto& content = seen.repos[r].contents[c];
      const auto user = handed.find(content.path);
      if (gone[r][c] && content.payload == content.path && user != handed.end()) {
        result.notes.push_back(content.path + " is handed to " + user->second + ", which links to it.");
      }
    }
  }
}

}  // namespace detail

HUBCACHE_DECL std::size_t removal::whole_repos() const noexcept {
  return detail::sum_over(*this, [](const repo_removal& repo) { return repo.whole; });
}
HUBCACHE_DECL std::size_t removal::revisions() const noexcept {
  return detail::sum_over(*this, [](const repo_removal& repo) { return repo.revisions.size(); });
}
HUBCACHE_DECL std::size_t removal::blobs() const noexcept {
  return detail::sum_over(*this, [](const repo_removal& repo) { return repo.blobs.size(); });
}
HUBCACHE_DECL std::size_t removal::partials() const noexcept {
  return detail::sum_over(*this, [](const repo_removal& repo) { return repo.partials.size(); });
}

HUBCACHE_DECL content_selection contents_of(const census& seen, const removal_choice& chosen) {
  auto result = select_nothing(seen);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    if (chosen.repos[r]) {
      result[r].assign(result[r].size(), true);
      continue;
    }
    auto staying = chosen.revisions[r];
    staying.flip();
    const auto used = detail::used_by(seen.repos[r], staying);
    const auto dropped = detail::used_by(seen.repos[r], chosen.revisions[r]);
    for (std::size_t c = 0; c < used.size(); ++c) {
      result[r][c] = !used[c] && (dropped[c] || chosen.contents[r][c]);
    }
  }
  return result;
}

HUBCACHE_DECL std::uint64_t freed_by(const census& seen, const disk_map& map, const removal_choice& chosen) {
  auto gone = contents_of(seen, chosen);
  const auto own = detail::real_paths(seen);
  std::uint64_t partials = 0;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    const auto& repo = seen.repos[r];
    for (std::size_t c = 0; c < repo.contents.size(); ++c) {
      if (!own.contains(repo.contents[c].payload)) gone[r][c] = false;
    }
    for (std::size_t p = 0; p < repo.partials.size(); ++p) {
      if (chosen.repos[r] || chosen.partials[r][p]) partials += repo.partials[p].status.allocated;
    }
  }
  return map.freed_by(gone) + partials;
}

HUBCACHE_DECL removal plan_removal(const census& seen, const disk_map& map, const removal_choice& chosen) {
  removal result;
  result.cache_dir = seen.cache_dir;
  result.planned_ns = seen.begun_ns;
  auto possible = chosen;
  const auto unreadable = detail::unreadable_repos(seen);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    if (!unreadable[r] || chosen.repos[r]) continue;
    const bool wanted = detail::any_of(chosen.revisions[r]) || detail::any_of(chosen.contents[r]) ||
                        detail::any_of(chosen.partials[r]);
    if (!wanted) continue;
    result.withheld.push_back(seen.repos[r].label() +
                              " is left alone: not all of it can be read, so what it uses is not known.");
    const removal_choice nothing(seen);
    possible.revisions[r] = nothing.revisions[r];
    possible.contents[r] = nothing.contents[r];
    possible.partials[r] = nothing.partials[r];
  }
  const auto gone = contents_of(seen, possible);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    auto one = detail::removal_of(seen.repos[r], possible, r, gone[r]);
    if (!one.whole && one.revisions.empty() && one.blobs.empty() && one.partials.empty()) continue;
    result.apparent += detail::apparent_size(seen.repos[r], gone[r]);
    for (const auto& partial : seen.repos[r].partials) {
      const auto name = os::last_segment(partial.path);
      if (std::find(one.partials.begin(), one.partials.end(), name) != one.partials.end())
        result.apparent += partial.status.identity.size;
    }
    result.repos.push_back(std::move(one));
  }
  result.freed = freed_by(seen, map, possible);
  detail::add_link_notes(result, seen, gone);
  return result;
}

}  // namespace hubcache::inline v0_1
