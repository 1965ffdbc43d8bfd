#pragma once

#include <hubcache/error.hpp>
#include <hubcache/impl/removal.ipp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/text.hpp>
#include <hubcache/upkeep/clean_up.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL ledger_view::ledger_view(const census& seen)
    : pinned_repos(seen.repos.size()), leased(seen.repos.size()) {
  for (const auto& repo : seen.repos) {
    pinned.emplace_back(repo.revisions.size());
    used.emplace_back(repo.revisions.size());
  }
}

namespace detail {

/// The contents that `revision` uses, each once.
HUBCACHE_DECL std::vector<std::size_t> entry_contents(const census_revision& revision) {
  std::vector<std::size_t> result;
  result.reserve(revision.entries.size());
  for (const auto& entry : revision.entries) {
    if (entry.content) result.push_back(*entry.content);
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

/// By how many revisions each content of `repo` is used.
HUBCACHE_DECL std::vector<std::size_t> use_counts(const census_repo& repo) {
  std::vector<std::size_t> result(repo.contents.size());
  for (const auto& revision : repo.revisions) {
    for (const auto c : entry_contents(revision)) ++result[c];
  }
  return result;
}

/// The newest trace of a use that the files themselves bear. A content that others use, too, tells of their use.
HUBCACHE_DECL std::int64_t used_by_traces(const census_repo& repo, const census_revision& revision,
                                          const std::vector<std::size_t>& counts) {
  std::error_code ec;
  const auto folder = os::status(revision.path, ec).identity.mtime_ns;
  std::optional<std::int64_t> own;
  std::int64_t any = 0;
  for (const auto c : entry_contents(revision)) {
    const auto& status = repo.contents[c].status;
    const auto newest = std::max(status.accessed_ns, status.identity.mtime_ns);
    any = std::max(any, newest);
    if (counts[c] == 1 && status.links == 1) own = std::max(own.value_or(newest), newest);
  }
  return std::max(folder, own.value_or(any));
}

HUBCACHE_DECL bool pins_revision(const pin& what, const census_repo& repo, const census_revision& revision) {
  if (what.revision.empty() || what.revision == revision.commit) return true;
  const auto named = repo.refs.find(what.revision);
  return named != repo.refs.end() && named->second == revision.commit;
}

}  // namespace detail

HUBCACHE_DECL ledger_view view_ledger(const ledger& book, const pin_list& pins, const census& seen) {
  ledger_view result(seen);
  result.unknown_pins = pins.problems;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    const auto& repo = seen.repos[r];
    const auto folder = os::last_segment(repo.path);
    result.leased[r] = book.is_leased(seen.cache_dir, folder);
    const auto counts = detail::use_counts(repo);
    for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
      const auto recorded = book.last_use(seen.cache_dir, folder, repo.revisions[v].commit);
      result.used[r][v] = recorded ? *recorded : detail::used_by_traces(repo, repo.revisions[v], counts);
    }
    for (const auto& pin : pins.pins) {
      if (pin.repo != repo.label()) continue;
      result.pinned_repos[r] = result.pinned_repos[r] || pin.revision.empty();
      for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
        if (detail::pins_revision(pin, repo, repo.revisions[v])) result.pinned[r][v] = true;
      }
    }
  }
  return result;
}

namespace detail {

/// What one text names, taken apart.
struct target_parts {
  std::string label;
  std::string revision;
};

/// "model/owner/name" and "revision" of the forms that find_targets() takes, but for a commit alone.
HUBCACHE_DECL target_parts parts_of_target(std::string_view text) {
  target_parts result;
  if (text.starts_with("hf://")) text.remove_prefix(5);
  const auto at = text.find('@');
  if (at != text.npos) {
    result.revision = text.substr(at + 1);
    text = text.substr(0, at);
  }
  while (text.ends_with('/')) text.remove_suffix(1);
  const auto slash = text.find('/');
  auto type = slash == text.npos ? std::string_view() : text.substr(0, slash);
  if (type.ends_with('s')) type.remove_suffix(1);
  const bool typed = type == "model" || type == "dataset" || type == "space" || type == "kernel";
  result.label = typed ? std::string(type).append(text.substr(slash)) : "model/" + std::string(text);
  return result;
}

HUBCACHE_DECL bool is_commit_prefix(std::string_view text) noexcept {
  return text.size() >= 8 && text.size() <= 40 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// The revisions of `repo` that `revision` names; more than one only for an ambiguous prefix.
HUBCACHE_DECL std::vector<std::size_t> revisions_named(const census_repo& repo, const std::string& revision) {
  const auto ref = repo.refs.find(revision);
  std::vector<std::size_t> found;
  for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
    const auto& commit = repo.revisions[v].commit;
    const bool named = ref != repo.refs.end() ? ref->second == commit
                                              : commit == revision || (is_commit_prefix(revision) &&
                                                                       commit.starts_with(revision));
    if (named) found.push_back(v);
  }
  return found;
}

/// Adds a commit that is named without its repo.
HUBCACHE_DECL void find_commit(const census& seen, const std::string& text, named_targets& result) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
      if (seen.repos[r].revisions[v].commit.starts_with(text)) found.emplace_back(r, v);
    }
  }
  if (found.size() == 1) {
    const auto [r, v] = found[0];
    result.chosen.revisions[r][v] = true;
    result.found.emplace_back(seen.cache_dir, seen.repos[r].label(), seen.repos[r].revisions[v].commit);
  } else if (found.empty()) {
    result.unknown.push_back("'" + text + "' is neither a repo nor a commit in the cache.");
  } else {
    result.unknown.push_back("'" + text + "' names " + std::to_string(found.size()) +
                             " snapshots; name one of them, such as " + seen.repos[found[0].first].label() +
                             "@" + seen.repos[found[0].first].revisions[found[0].second].commit + ".");
  }
}

HUBCACHE_DECL void find_target(const census& seen, const std::string& text, named_targets& result) {
  const auto parts = parts_of_target(text);
  const auto repo = std::find_if(seen.repos.begin(), seen.repos.end(),
                                 [&](const census_repo& one) { return one.label() == parts.label; });
  if (repo == seen.repos.end()) {
    if (is_commit_prefix(text)) return find_commit(seen, text, result);
    result.unknown.push_back("'" + printable(text) + "' is not in the cache.");
    return;
  }
  const auto r = static_cast<std::size_t>(repo - seen.repos.begin());
  if (text.find('@') == text.npos) {
    result.chosen.repos[r] = true;
    result.found.emplace_back(seen.cache_dir, parts.label, "");
    return;
  }
  const auto found = revisions_named(*repo, parts.revision);
  if (found.size() == 1) {
    result.chosen.revisions[r][found[0]] = true;
    result.found.emplace_back(
        seen.cache_dir, parts.label,
        repo->refs.contains(parts.revision) ? parts.revision : repo->revisions[found[0]].commit);
  } else {
    result.unknown.push_back("'" + printable(text) + "' names " + (found.empty() ? "no" : "more than one") +
                             " revision of " + parts.label + " in the cache.");
  }
}

/// What of `chosen` a lease withholds is taken out of it.
HUBCACHE_DECL std::vector<std::string> withhold_leased(const census& seen, const ledger_view& book,
                                                       removal_choice& chosen) {
  std::vector<std::string> result;
  const removal_choice nothing(seen);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    const bool wanted = chosen.repos[r] || any_of(chosen.revisions[r]) || any_of(chosen.contents[r]) ||
                        any_of(chosen.partials[r]);
    if (!wanted || !book.leased[r]) continue;
    result.push_back(seen.repos[r].label() + " is left alone: another process works on it now.");
    chosen.repos[r] = false;
    chosen.revisions[r] = nothing.revisions[r];
    chosen.contents[r] = nothing.contents[r];
    chosen.partials[r] = nothing.partials[r];
  }
  return result;
}

}  // namespace detail

HUBCACHE_DECL named_targets find_targets(const census& seen, const std::vector<std::string>& texts) {
  named_targets result(seen);
  for (const auto& text : texts) detail::find_target(seen, text, result);
  return result;
}

HUBCACHE_DECL std::vector<pin> find_pins(const std::vector<pin>& pins, const std::string& text) {
  const auto parts = detail::parts_of_target(text);
  const auto names = [&](const pin& one) {
    const auto begins = [&](const std::string& commit) {
      return detail::is_commit_prefix(commit) && one.revision.starts_with(commit);
    };
    if (one.repo != parts.label) return begins(text);
    if (text.find('@') == text.npos) return true;
    return one.revision == parts.revision || begins(parts.revision);
  };
  std::vector<pin> result;
  std::copy_if(pins.begin(), pins.end(), std::back_inserter(result), names);
  return result;
}

HUBCACHE_DECL std::vector<std::string> edited_files(const census_repo& repo,
                                                    const census_revision& revision) {
  std::vector<std::string> result;
  // Contents are sorted by path: blobs/ comes first. Without one, this is a cache without links.
  if (repo.contents.empty() || !repo.contents.front().blob) return result;
  for (const auto& entry : revision.entries) {
    if (!entry.content) continue;
    const auto& content = repo.contents[*entry.content];
    if (!content.blob && (content.status.mode & 0200U) != 0) result.push_back(entry.path);
  }
  return result;
}

namespace detail {

HUBCACHE_DECL std::string listed(const std::vector<std::string>& paths) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(paths.size(), most); ++i) {
    text.append(i == 0 ? "" : ", ").append(printable(paths[i]));
  }
  return paths.size() > most ? text + " and " + std::to_string(paths.size() - most) + " more" : text;
}

/// Why a revision with the edited files `paths` is not removed unasked.
HUBCACHE_DECL std::string edits_withhold(const census_repo& repo, const census_revision& revision,
                                         const std::vector<std::string>& paths) {
  return repo.label() + "@" + revision.commit + " holds files that were edited: " + listed(paths) +
         "; it stays until it is removed by name.";
}

HUBCACHE_DECL void refuse_unknown_pins(const ledger_view& book) {
  if (book.unknown_pins.empty()) return;
  throw error(errc::refused, "what is pinned is not known: " + book.unknown_pins.front());
}

}  // namespace detail

HUBCACHE_DECL removal plan_named_removal(const census& seen, const disk_map& map, const ledger_view& book,
                                         removal_choice chosen) {
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    const auto& repo = seen.repos[r];
    // As in huggingface_hub: without a revision there is no repo.
    if (!repo.revisions.empty() && detail::all_of(chosen.revisions[r])) chosen.repos[r] = true;
    if (chosen.repos[r] && book.pinned_repos[r]) {
      throw error(errc::refused, repo.label() + " is pinned; unpin it first");
    }
    for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
      if (!book.pinned[r][v] || !(chosen.repos[r] || chosen.revisions[r][v])) continue;
      throw error(errc::refused,
                  repo.label() + "@" + repo.revisions[v].commit + " is pinned; unpin it first");
    }
  }
  auto withheld = detail::withhold_leased(seen, book, chosen);
  auto result = plan_removal(seen, map, chosen);
  result.withheld.insert(result.withheld.begin(), withheld.begin(), withheld.end());
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
      if (!chosen.repos[r] && !chosen.revisions[r][v]) continue;
      const auto& revision = seen.repos[r].revisions[v];
      for (const auto& path : edited_files(seen.repos[r], revision)) {
        result.notes.push_back(revision.path + "/" + path + " was edited, and goes, too.");
      }
    }
  }
  return result;
}

namespace detail {

/// "<etag>.<8 hex>.incomplete" of a process of its own; hubcache's own partials and the shared names of older clients
/// are resumed by others.
HUBCACHE_DECL bool is_resumable(std::string_view name) noexcept {
  constexpr std::string_view end = ".incomplete";
  if (!name.ends_with(end)) return false;
  name.remove_suffix(end.size());
  if (name.ends_with(".68756263")) return true;
  const auto dot = name.rfind('.');
  const auto last = dot == name.npos ? std::string_view() : name.substr(dot + 1);
  return last.size() != 8 || last.find_first_not_of("0123456789abcdef") != last.npos;
}

HUBCACHE_DECL bool is_stale(const os::file_status& status, const leftover_rule& rule) noexcept {
  // A hard link brings an old mtime along; its ctime is when it was made.
  const auto changed = std::max(status.identity.mtime_ns, status.identity.ctime_ns);
  const auto limit = std::chrono::nanoseconds(rule.resumable_for).count();
  return changed <= rule.now_ns && rule.now_ns - changed >= limit;
}

/// Chooses what of a repo's leftovers is garbage.
HUBCACHE_DECL void choose_leftovers(const census& seen, std::size_t r, const leftover_rule& rule,
                                    removal_choice& chosen) {
  const auto& repo = seen.repos[r];
  const auto used = used_by(repo, std::vector<bool>(repo.revisions.size(), true));
  for (std::size_t c = 0; c < repo.contents.size(); ++c) {
    if (!used[c] && is_stale(repo.contents[c].status, rule)) chosen.contents[r][c] = true;
  }
  for (std::size_t p = 0; p < repo.partials.size(); ++p) {
    const auto& partial = repo.partials[p];
    if (!is_resumable(os::last_segment(partial.path)) || is_stale(partial.status, rule))
      chosen.partials[r][p] = true;
  }
}

}  // namespace detail

HUBCACHE_DECL removal plan_prune(const census& seen, const disk_map& map, const ledger_view& book,
                                 const leftover_rule& rule) {
  detail::refuse_unknown_pins(book);
  removal_choice chosen(seen);
  std::size_t pinned = 0;
  std::vector<std::string> edited;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    detail::choose_leftovers(seen, r, rule, chosen);
    for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
      const auto& revision = seen.repos[r].revisions[v];
      if (!revision.refs.empty()) continue;
      pinned += book.pinned[r][v] ? 1 : 0;
      if (book.pinned[r][v]) continue;
      const auto files = edited_files(seen.repos[r], revision);
      if (!files.empty()) edited.push_back(detail::edits_withhold(seen.repos[r], revision, files));
      chosen.revisions[r][v] = files.empty();
    }
  }
  auto withheld = detail::withhold_leased(seen, book, chosen);
  auto result = plan_removal(seen, map, chosen);
  if (pinned > 0)
    result.notes.push_back(std::to_string(pinned) + " detached revision(s) stay because they are pinned.");
  withheld.insert(withheld.end(), edited.begin(), edited.end());
  result.withheld.insert(result.withheld.begin(), withheld.begin(), withheld.end());
  return result;
}

}  // namespace hubcache::inline v0_1
