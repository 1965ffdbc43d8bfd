#pragma once

#include <hubcache/error.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/local_layout.hpp>
#include <hubcache/upkeep/verify.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::string size_text(std::uint64_t have, std::uint64_t want) {
  return "it has " + std::to_string(have) + " bytes instead of " + std::to_string(want);
}

/// Settles a file whose size is not the listed one.
HUBCACHE_DECL void settle_size(checked_file& file, std::uint64_t want) {
  file.outcome = file.editable ? verdict::edited : verdict::wrong_size;
  file.detail = size_text(file.identity.size, want);
}

/// Makes the checks of one census.
class verify_planner {
 public:
  verify_planner(const census& seen, std::span<const store> stores) : seen_(seen), stores_(stores) {}

  HUBCACHE_DECL void add(const verify_scope& scope);
  /// Adds the names that other repos have for inodes that are checked.
  HUBCACHE_DECL void add_twins();
  [[nodiscard]] HUBCACHE_DECL verification finish();

 private:
  HUBCACHE_DECL checked_file& check_of(std::size_t repo, std::size_t content);
  HUBCACHE_DECL checked_file& add_finding(const census_repo& repo, const census_revision& revision,
                                          const std::string& file, verdict outcome, std::string detail);
  HUBCACHE_DECL void add_revision(std::size_t repo, const census_revision& revision,
                                  const std::optional<listing>& listed);
  HUBCACHE_DECL void add_entry(std::size_t repo, const census_revision& revision, const census_entry& entry,
                               const file_entry* listed);
  [[nodiscard]] HUBCACHE_DECL mutability store_of(const census_content& content) const;

  const census& seen_;
  std::span<const store> stores_;
  verification made_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> checks_;  // [repo, content] -> of made_.files
};

HUBCACHE_DECL mutability verify_planner::store_of(const census_content& content) const {
  if (content.payload.starts_with(seen_.cache_dir + "/")) {
    return content.blob ? mutability::immutable_store : mutability::mutable_store;
  }
  for (const auto& one : stores_) {
    if (one.holds(content.payload)) return mutability_of(one.kind);
  }
  return mutability::mutable_store;
}

HUBCACHE_DECL checked_file& verify_planner::check_of(std::size_t repo, std::size_t content) {
  const auto [known, added] = checks_.try_emplace({repo, content}, made_.files.size());
  if (!added) return made_.files[known->second];
  const auto& from = seen_.repos[repo].contents[content];
  auto& check = made_.files.emplace_back();
  check.repo = seen_.repos[repo].label();
  check.path = from.path;
  check.payload = from.payload;
  check.expected = digest::parse(from.name);
  check.identity = from.status.identity;
  check.store = store_of(from);
  return check;
}

HUBCACHE_DECL checked_file& verify_planner::add_finding(const census_repo& repo,
                                                        const census_revision& revision,
                                                        const std::string& file, verdict outcome,
                                                        std::string detail) {
  auto& check = made_.files.emplace_back();
  check.repo = repo.label();
  check.commit = revision.commit;
  check.file = file;
  check.path = revision.path + "/" + file;
  check.outcome = outcome;
  check.detail = std::move(detail);
  return check;
}

HUBCACHE_DECL void verify_planner::add_entry(std::size_t repo, const census_revision& revision,
                                             const census_entry& entry, const file_entry* listed) {
  const auto& of = seen_.repos[repo];
  const auto wanted = listed != nullptr ? listed->name() : std::nullopt;
  if (!entry.content) {
    add_finding(of, revision, entry.path, verdict::missing, "it leads to no blob of its repo").expected =
        wanted;
    return;
  }
  const auto& content = of.contents[*entry.content];
  auto& check = check_of(repo, *entry.content);
  if (check.file.empty()) check.file = entry.path;
  if (!content.blob) {
    check.commit = revision.commit;
    // Where entries are symlinks, a plain file is a copy that was made to be edited.
    check.editable =
        std::any_of(of.contents.begin(), of.contents.end(), [](const census_content& c) { return c.blob; });
  }
  if (wanted && (!content.blob || !check.expected)) check.expected = wanted;
  if (!wanted) return;
  if (check.expected == wanted) {
    // A blob's name says more than a listing, which may be wrong: its bytes decide.
    const bool named = content.blob && digest::parse(content.name) == wanted;
    if (!named && content.status.identity.size != listed->size) settle_size(check, listed->size);
    return;
  }
  // The entry leads to another content than the listed one. (`check` dangles after this.)
  auto& own = add_finding(of, revision, entry.path, verdict::pending, {});
  own.payload = content.payload;
  own.identity = content.status.identity;
  own.store = store_of(content);
  own.expected = wanted;
  if (content.status.identity.size != listed->size) settle_size(own, listed->size);
}

HUBCACHE_DECL void verify_planner::add_revision(std::size_t repo, const census_revision& revision,
                                                const std::optional<listing>& listed) {
  for (const auto& entry : revision.entries) {
    const auto* const want = listed ? listed->find(entry.path) : nullptr;
    add_entry(repo, revision, entry, want);
    if (listed && want == nullptr) {
      add_finding(seen_.repos[repo], revision, entry.path, verdict::extra, "the listing does not have it");
    }
  }
  if (!listed) return;
  for (const auto& want : listed->files) {
    const auto at =
        std::lower_bound(revision.entries.begin(), revision.entries.end(), want.path,
                         [](const census_entry& e, const std::string& path) { return e.path < path; });
    if (at != revision.entries.end() && at->path == want.path) continue;
    add_finding(seen_.repos[repo], revision, want.path, verdict::absent, "it was not downloaded");
  }
}

HUBCACHE_DECL void verify_planner::add(const verify_scope& scope) {
  const auto& repo = seen_.repos[scope.repo];
  for (const auto& revision : repo.revisions) {
    if (scope.commit && *scope.commit != revision.commit) continue;
    const auto known = scope.listed.find(revision.commit);
    const auto tree = repo.path + "/trees/" + revision.commit + ".json";
    add_revision(scope.repo, revision,
                 known != scope.listed.end() ? known->second : read_tree(tree, revision.commit));
  }
  if (scope.commit) return;
  for (std::size_t i = 0; i < repo.contents.size(); ++i) check_of(scope.repo, i);
}

HUBCACHE_DECL void verify_planner::add_twins() {
  std::set<std::pair<std::uint64_t, std::uint64_t>> inodes;
  for (const auto& file : made_.files) {
    if (!file.payload.empty()) inodes.emplace(file.identity.device, file.identity.inode);
  }
  for (std::size_t r = 0; r < seen_.repos.size(); ++r) {
    const auto& contents = seen_.repos[r].contents;
    for (std::size_t c = 0; c < contents.size(); ++c) {
      const auto& id = contents[c].status.identity;
      if (contents[c].blob && inodes.contains({id.device, id.inode})) check_of(r, c);
    }
  }
}

HUBCACHE_DECL verification verify_planner::finish() {
  for (auto& file : made_.files) {
    if (file.outcome != verdict::pending || file.expected) continue;
    file.outcome = verdict::uncheckable;
    file.detail = "neither its name nor a listing says what it should hold";
  }
  return std::move(made_);
}

/// One file of a local folder, as far as its record tells. `path` is relative.
HUBCACHE_DECL checked_file local_check(const std::string& folder, const std::string& path,
                                       const file_entry* listed) {
  const local_layout layout(folder);
  checked_file check;
  check.file = path;
  check.path = check.payload = folder + "/" + path;
  check.store = mutability::mutable_store;
  std::error_code ec, none;
  const auto there = os::status(check.path, ec);
  check.identity = there.identity;
  if (there.symlink) {
    check.payload = std::filesystem::canonical(check.path, ec).string();
    check.identity = os::status(check.payload, ec).identity;
  }
  const auto record = read_metadata(layout, folder, path);
  check.editable = !record && !there.symlink && os::status(layout.metadata(path), none).regular;
  if (listed != nullptr) {
    check.expected = listed->name();
    if (check.expected && check.identity.size != listed->size) settle_size(check, listed->size);
  } else if (there.symlink) {
    check.outcome = verdict::uncheckable;
    check.detail = "it is a symlink; only a listing of the Hub can say what it should hold";
  } else if (record) {
    check.commit = record->commit;
    check.expected = digest::parse(record->etag);
  } else if (check.editable) {
    check.outcome = verdict::edited;
    check.detail = "it was changed after its download";
  }
  if (!check.expected && check.outcome == verdict::pending) {
    check.outcome = verdict::uncheckable;
    check.detail = "nothing says what it should hold";
  }
  return check;
}

/// What lies below a local folder.
struct local_files {
  std::vector<std::string> paths;  ///< Relative; of regular files and links to them.
  std::vector<std::pair<std::string, std::error_code>> gaps;  ///< Absolute; folders that cannot be read.
};

/// Adds what lies in `at`, whose relative path is `prefix` ("" or ending in '/'); the folder `skipped` is left out.
HUBCACHE_DECL void list_below(const os::folder& at, const std::string& folder, const std::string& prefix,
                              std::string_view skipped, local_files& found) {
  constexpr std::size_t longest = 4096;  // of a path: deeper folders cannot be named
  std::error_code ec;
  const auto entries = at.entries(ec);
  if (ec) found.gaps.emplace_back(folder + "/" + prefix, ec);
  for (const auto& entry : entries) {
    const auto path = prefix + entry.name;
    using type = os::folder_entry::type;
    if (entry.kind == type::file ||
        (entry.kind == type::symlink && at.status(entry.name, ec, true).regular)) {
      found.paths.push_back(path);
    } else if (entry.kind == type::folder && path != skipped && path.size() < longest) {
      const auto below = at.child(entry.name, ec);
      if (ec) {
        found.gaps.emplace_back(folder + "/" + path, ec);
      } else {
        list_below(below, folder, path + "/", skipped, found);
      }
    }
  }
}

HUBCACHE_DECL local_files files_below(const std::string& folder, std::string_view skipped) {
  local_files found;
  std::error_code ec;
  const auto root = os::folder::open(folder, ec);
  if (!ec) {
    list_below(root, folder, {}, skipped, found);
  } else if (ec != std::errc::no_such_file_or_directory) {
    found.gaps.emplace_back(folder, ec);
  }
  std::sort(found.paths.begin(), found.paths.end());
  return found;
}

/// Paths that a local folder should have: those of the listing, or those recorded at their download.
HUBCACHE_DECL local_files wanted_in(const std::string& folder, const std::optional<listing>& listed) {
  local_files wanted;
  if (listed) {
    for (const auto& file : listed->files) wanted.paths.push_back(file.path);
    return wanted;
  }
  constexpr std::string_view suffix = ".metadata";
  auto records = files_below(local_layout(folder).downloads(), {});
  wanted.gaps = std::move(records.gaps);
  for (auto& path : records.paths) {
    if (path.ends_with(suffix)) wanted.paths.push_back(path.substr(0, path.size() - suffix.size()));
  }
  return wanted;
}

}  // namespace detail

HUBCACHE_DECL verification plan_verify(const census& seen, std::span<const verify_scope> scopes,
                                       std::span<const store> stores) {
  detail::verify_planner planner(seen, stores);
  for (const auto& scope : scopes) planner.add(scope);
  planner.add_twins();
  return planner.finish();
}

HUBCACHE_DECL verification plan_verify_local(const std::string& folder,
                                             const std::optional<listing>& listed) {
  verification made;
  const auto files = detail::files_below(folder, ".cache/huggingface");
  for (const auto& path : files.paths) {
    const auto* const want = listed ? listed->find(path) : nullptr;
    made.files.push_back(detail::local_check(folder, path, want));
    auto& check = made.files.back();
    if (!listed || want != nullptr) continue;
    check.outcome = verdict::extra;
    check.detail = "the listing does not have it";
  }
  const auto wanted = detail::wanted_in(folder, listed);
  for (const auto& path : wanted.paths) {
    if (std::binary_search(files.paths.begin(), files.paths.end(), path)) continue;
    auto& check = made.files.emplace_back();
    check.file = path;
    check.path = folder + "/" + path;
    check.outcome = verdict::absent;
    check.detail = "it is not in the folder";
  }
  for (const auto* gaps : {&files.gaps, &wanted.gaps}) {
    for (const auto& [path, why] : *gaps) {
      auto& check = made.files.emplace_back();
      check.path = path;
      check.outcome = verdict::unreadable;
      check.detail = why.message();
    }
  }
  return made;
}

}  // namespace hubcache::inline v0_1
