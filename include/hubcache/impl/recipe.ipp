#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/recipe.hpp>
#include <hubcache/select/gguf.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// The roles of one repo at one revision.
struct recipe_part {
  recipe_part() = default;

  hubcache::repo repo;
  std::string revision;
  std::vector<recipe_role> roles;
};
static_assert(!std::is_aggregate_v<recipe_part>);

HUBCACHE_DECL std::vector<recipe_part> parts_of(const recipe& what) {
  std::vector<recipe_part> parts;
  for (const auto& role : what.roles) {
    auto part = std::find_if(parts.begin(), parts.end(), [&role](const recipe_part& p) {
      return p.repo == role.repo && p.revision == role.revision;
    });
    if (part == parts.end()) {
      part = parts.emplace(parts.end());
      part->repo = role.repo;
      part->revision = role.revision;
    }
    part->roles.push_back(role);
  }
  return parts;
}

/// The recipe says what is asked of each repo, and nobody else.
HUBCACHE_DECL void check_recipe_options(const snapshot_options& options) {
  const bool chosen = options.revision != snapshot_options().revision || options.allow ||
                      !options.ignore.empty() || !options.files.empty() || options.lock;
  if (chosen || !options.local_dir.empty() || options.mapping) {
    throw error(
        errc::invalid_argument,
        "a recipe names revisions and files itself, and its files go into the cache: revision, allow, "
        "ignore, files, local_dir, mapping and lock must not be set");
  }
}

/// Makes what `lock` says of the part's repo a condition.
HUBCACHE_DECL void use_lock(const lock_file& lock, recipe_part& part, snapshot_options& options) {
  const auto* locked = lock.find(part.repo);
  const auto mismatch = [&part](const std::string& detail) {
    return error(errc::lock_mismatch, "role '" + part.roles.front().name + "': " + detail,
                 error_context{}.with_repo(part.repo.display()));
  };
  if (locked == nullptr) throw mismatch("the lock file does not name its repo");
  if (is_commit(part.revision) && part.revision != locked->commit) {
    throw mismatch("the recipe has commit " + part.revision + ", the lock file " + locked->commit);
  }
  part.revision = locked->commit;
  options.lock = *locked;
}

/// Commit, listing and the files of the roles. @throws error
HUBCACHE_DECL asio::awaitable<part_draft> draft_part(services with, hub_source& hub, recipe_part part,
                                                     snapshot_options options) {
  options.revision = part.revision;
  part_draft result;
  result.draft = co_await draft_plan(with, hub, part.repo, std::move(options));
  auto& what = result.draft.what;
  try {
    for (const auto& role : part.roles) {
      auto chosen = select_role(role, what.listing);
      for (auto& file : chosen.files) {
        what.options.files.push_back(file.path);
        result.roles.push_back(std::move(file));
      }
      for (auto& text : chosen.warnings) what.warnings.push_back(std::move(text));
    }
  } catch (const error& e) {
    throw failure_to_tell(e, result.draft.unreachable, result.draft.partial, context_of(what));
  }
  std::sort(result.roles.begin(), result.roles.end());
  co_return result;
}

/// Drops from `part` all files whose sha256 is known; whether some are left.
HUBCACHE_DECL bool keep_small(bundle_part& part) {
  auto& what = part.what;
  std::vector<plan_step> steps;
  std::vector<plan_entry> entries;
  std::vector<std::size_t> moved_to(what.steps.size(), what.steps.size());
  for (std::size_t i = 0; i < what.steps.size(); ++i) {
    if (what.steps[i].what.name.algorithm() == digest_algorithm::sha256) continue;
    moved_to[i] = steps.size();
    steps.push_back(std::move(what.steps[i]));
  }
  what.options.files.clear();
  for (auto& entry : what.entries) {
    if (moved_to[entry.step] == moved_to.size()) continue;
    entry.step = moved_to[entry.step];
    what.options.files.push_back(entry.path);
    entries.push_back(std::move(entry));
  }
  what.steps = std::move(steps);
  what.entries = std::move(entries);
  std::erase_if(part.roles, [&what](const file_role& role) {
    // In the listing's order, which is that of paths.
    return !std::binary_search(what.options.files.begin(), what.options.files.end(), role.path);
  });
  return !what.entries.empty();
}

/// The file of `role` to open, of a split model its first part; nullptr if `got` has none.
HUBCACHE_DECL const bundle_file* file_to_open(const recipe_role& role, const bundle& got) {
  std::vector<std::string> paths;
  for (const auto& file : got.files) {
    if (file.role == role.name) paths.push_back(file.file.path);
  }
  const auto models = role.quant ? gguf_choices(paths) : std::vector<gguf_choice>();
  if (models.empty()) return got.find(role.name);
  const auto at = std::find_if(got.files.begin(), got.files.end(), [&](const bundle_file& file) {
    return file.role == role.name && file.file.path == models.front().primary;
  });
  return &*at;
}

}  // namespace detail

HUBCACHE_DECL recipe read_recipe(const std::string& path) {
  std::error_code ec;
  const auto real = std::filesystem::canonical(path, ec).string();
  const auto text = ec ? std::string() : os::read_text(real, std::size_t{1} << 20U, ec);
  if (ec) throw_disk_error(ec, "read the recipe", path);
  try {
    return parse_recipe(text);
  } catch (const error& e) {
    throw e.within(error_context{}.with_file(path));
  }
}

HUBCACHE_DECL asio::awaitable<bundle_plan> prepare_recipe(services with, recipe what,
                                                          snapshot_options options,
                                                          std::optional<lock_file> lock) {
  check_recipe(what);
  detail::check_recipe_options(options);
  if (lock) check_lockable(what);
  hub_source hub(with.config, with.transport, with.observer);
  auto parts = detail::parts_of(what);
  std::vector<detail::part_draft> drafts;
  for (auto& part : parts) {
    auto asked = options;
    if (lock) detail::use_lock(*lock, part, asked);
    auto draft = co_await detail::draft_part(with, hub, std::move(part), std::move(asked));
    drafts.push_back(std::move(draft));
  }
  co_return co_await detail::complete_bundle(with, hub, std::move(drafts));
}

HUBCACHE_DECL std::vector<role_path> paths_of(const recipe& what, const bundle& got) {
  std::vector<role_path> result;
  for (const auto& role : what.roles) {
    if (const auto* file = detail::file_to_open(role, got)) {
      const bool folder = role.file.ends_with('/');
      result.emplace_back(role.name, folder ? got.parts[file->part].path_of(
                                                  std::string_view(role.file).substr(0, role.file.size() - 1))
                                            : got.path_of(*file));
    }
    const auto projector = role.name + ".mmproj";
    if (const auto* file = role.quant ? got.find(projector) : nullptr) {
      result.emplace_back(projector, got.path_of(*file));
    }
  }
  return result;
}

HUBCACHE_DECL lock_file lock_of(const bundle& what) {
  lock_file result;
  for (const auto& part : what.parts) {
    auto& locked = result.repos.emplace_back();
    locked.repo = part.repo;
    locked.commit = part.commit;
  }
  for (const auto& one : what.files) {
    auto& locked = result.repos[one.part];
    if (!one.sha256) {
      throw error(errc::invalid_argument, "its sha256 is not known before the file is here",
                  error_context{}.with_repo(locked.repo.display()).with_file(one.file.path));
    }
    locked.files.emplace_back(one.file.path, one.file.what.size, *one.sha256);
  }
  for (auto& locked : result.repos) {  // a file may have several roles
    const auto by_path = [](const locked_file& a, const locked_file& b) { return a.path < b.path; };
    std::sort(locked.files.begin(), locked.files.end(), by_path);
    locked.files.erase(std::unique(locked.files.begin(), locked.files.end()), locked.files.end());
  }
  detail::sort_locked(result);
  return result;
}

HUBCACHE_DECL asio::awaitable<lock_file> lock_bundle(services with, bundle_plan what) {
  auto whole = preview(what);
  std::map<std::pair<std::size_t, std::string>, digest> found;  // by number in what.parts, and path
  for (std::size_t i = 0; i < what.parts.size(); ++i) {
    if (!detail::keep_small(what.parts[i])) continue;
    bundle_plan one;
    one.parts.push_back(std::move(what.parts[i]));
    const auto done = co_await run(with, std::move(one));
    for (const auto& file : done.files) {
      if (file.sha256) found.emplace(std::pair(i, file.file.path), *file.sha256);
    }
  }
  for (auto& file : whole.files) {
    const auto at = found.find(std::pair(file.part, file.file.path));
    if (at != found.end()) file.sha256 = at->second;
  }
  co_return lock_of(whole);
}

}  // namespace hubcache::inline v0_1
