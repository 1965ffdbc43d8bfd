#include "cache_rows.hpp"

#include <algorithm>

namespace command {

namespace {

/// Of its files, else of its newest revision.
void set_times(const hubcache::census_repo& repo, cache_row& row) {
  for (const auto& one : repo.contents) {
    row.accessed_ns = std::max(row.accessed_ns, one.status.accessed_ns);
    row.modified_ns = std::max(row.modified_ns, one.status.identity.mtime_ns);
  }
  if (!repo.contents.empty()) return;
  for (const auto& one : repo.revisions) row.modified_ns = std::max(row.modified_ns, one.modified_ns);
  row.accessed_ns = row.modified_ns;
}

/// Which contents a revision uses.
std::vector<bool> used_by(const hubcache::census_repo& repo, const hubcache::census_revision& revision) {
  std::vector<bool> used(repo.contents.size());
  for (const auto& entry : revision.entries) {
    if (entry.content) used[*entry.content] = true;
  }
  return used;
}

/// Adds the rows of one repo's revisions. `pieces` are those that have users there.
void add_revisions(const hubcache::census_repo& repo, const cache_row& whole,
                   const std::vector<const hubcache::disk_piece*>& pieces, std::vector<cache_row>& rows) {
  std::vector<std::vector<bool>> used;
  std::vector<std::size_t> uses(repo.contents.size());  // how many revisions use each
  for (const auto& revision : repo.revisions) {
    used.push_back(used_by(repo, revision));
    for (std::size_t c = 0; c < uses.size(); ++c) uses[c] += used.back()[c] ? 1 : 0;
  }
  for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
    auto& row = rows.emplace_back(whole);
    row.revision = v;
    row.refs = repo.revisions[v].refs;
    row.modified_ns = repo.revisions[v].modified_ns;
    for (std::size_t c = 0; c < uses.size(); ++c) {
      if (used[v][c]) row.size += repo.contents[c].status.identity.size;
    }
    for (const auto* piece : pieces) {
      const auto mine = [&](const hubcache::content_ref& user) {
        return user.repo == row.repo && used[v][user.content];
      };
      if (std::any_of(piece->users.begin(), piece->users.end(), mine)) row.on_disk += piece->bytes;
      const bool goes = std::all_of(piece->users.begin(), piece->users.end(),
                                    [&](const auto& user) { return mine(user) && uses[user.content] == 1; });
      if (goes && !piece->outside) row.unique += piece->bytes;
    }
  }
}

cache_row row_of(const hubcache::census& seen, std::size_t repo) {
  cache_row row;
  row.repo = repo;
  row.label = seen.repos[repo].label();
  row.type = seen.repos[repo].type;
  set_times(seen.repos[repo], row);
  return row;
}

}  // namespace

std::vector<cache_row> repo_rows(const hubcache::census& seen, const hubcache::disk_map& map) {
  const auto usages = hubcache::usage_of(seen, map);
  std::vector<cache_row> rows;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    const auto& repo = seen.repos[r];
    if (repo.revisions.empty() && repo.contents.empty()) continue;
    auto& row = rows.emplace_back(row_of(seen, r));
    for (const auto& [name, commit] : repo.refs) row.refs.push_back(name);
    row.size = usages[r].apparent;
    row.on_disk = usages[r].on_disk;
    row.unique = usages[r].unique;
    row.shared_outside = usages[r].shared_outside;
    for (const auto other : usages[r].shared_with) row.shared_with.push_back(seen.repos[other].label());
  }
  return rows;
}

std::vector<cache_row> revision_rows(const hubcache::census& seen, const hubcache::disk_map& map) {
  std::vector<std::vector<const hubcache::disk_piece*>> pieces(seen.repos.size());
  for (const auto& piece : map.pieces) {
    for (const auto& user : piece.users) {  // sorted
      auto& of_repo = pieces[user.repo];
      if (of_repo.empty() || of_repo.back() != &piece) of_repo.push_back(&piece);
    }
  }
  std::vector<cache_row> rows;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    add_revisions(seen.repos[r], row_of(seen, r), pieces[r], rows);
  }
  return rows;
}

hubcache::content_selection contents_of(const hubcache::census& seen, const std::vector<cache_row>& rows) {
  auto result = hubcache::select_nothing(seen);
  for (const auto& row : rows) {
    auto& chosen = result[row.repo];
    if (!row.revision) {
      chosen.assign(chosen.size(), true);
      continue;
    }
    for (const auto& entry : seen.repos[row.repo].revisions[*row.revision].entries) {
      if (entry.content) chosen[*entry.content] = true;
    }
  }
  return result;
}

}  // namespace command
