#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/store/colliding_names.hpp>
#include <hubcache/store/confirm.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/local_layout.hpp>

#include <algorithm>
#include <filesystem>
#include <span>
#include <unordered_map>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL error objection_error(const plan& what, const std::string& file, const objection& found) {
  error_context context;
  context.repo = what.repo.display();
  context.file = file;
  return {found.reason, found.detail, std::move(context)};
}

HUBCACHE_DECL void look_again(plan& what) {
  std::unordered_map<std::size_t, std::vector<std::string>> gone;
  for (const auto& entry : what.entries) {
    const auto& step = what.steps[entry.step];
    const auto target = what.plain_files ? entry.path : step.what.name.hex();
    if (step.action != file_action::present || (!what.plain_files && gone.contains(entry.step))) continue;
    std::error_code ec;
    const auto path = what.target_root + "/" + target;
    const auto file = os::status(path, ec, !what.plain_files);
    const bool here =
        !ec && file.regular && file.identity.size == step.what.size && os::is_readable(path, file);
    if (!here) gone[entry.step].push_back(target);
  }
  for (auto& [step, targets] : gone) {
    what.steps[step].targets = std::move(targets);
    what.steps[step].action = file_action::fetched;
  }
}

HUBCACHE_DECL void inspect_present(const plan& what, bool meanwhile, const hash_set_ref& hashes,
                                   const std::stop_token& stop) {
  std::unordered_set<std::string> seen;
  for (const auto& entry : what.entries) {
    const auto& step = what.steps[entry.step];
    // What was there when the plan was made has no targets.
    if (!step.rules.needed() || step.action != file_action::present || step.targets.empty() == meanwhile)
      continue;
    const auto target = what.plain_files ? entry.path : step.what.name.hex();
    if (!seen.insert(target).second) continue;
    std::error_code ec;
    const auto path = std::filesystem::canonical(what.target_root + "/" + target, ec).string();
    const auto file = ec ? os::descriptor() : os::open_read(path, ec);
    const auto found = ec ? std::nullopt : inspect(step.rules, file, step.what, hashes, stop, ec);
    if (ec) throw_disk_error(ec, "inspect the file", what.target_root + "/" + target);
    if (found) throw objection_error(what, entry.path, *found);
  }
}

HUBCACHE_DECL std::unordered_set<std::string> begun_partials(const plan& what) {
  std::unordered_set<std::string> begun;
  const auto wanted = std::find_if(what.steps.begin(), what.steps.end(),
                                   [](const plan_step& s) { return s.action == file_action::fetched; });
  if (wanted == what.steps.end()) return begun;
  const auto example = what.partial_of(wanted->what);  // one folder has them all
  std::error_code ec;
  for (auto& name : os::names_in(example.substr(0, example.rfind('/')), ec)) {
    if (name.ends_with(".incomplete")) begun.insert(std::move(name));
  }
  return begun;
}

/// Refuses a view in which one file would replace another because the file system takes their names for one.
HUBCACHE_DECL void refuse_collisions(const plan& what) {
  const auto& base = what.local() ? what.view : what.layout.cache_dir();
  std::vector<std::string> paths;
  for (const auto& entry : what.entries) paths.push_back(entry.path);
  const auto same = colliding_names(
      base, what.local() ? local_layout(base).downloads() : base + "/.locks/" + what.repo.folder(), paths);
  if (!same) return;
  throw error(errc::refused, "the file system takes this name for that of " + same->first,
              error_context{}.with_repo(what.repo.display()).with_file(same->second));
}

HUBCACHE_DECL void prepare_folders(const plan& what) {
  std::error_code ec;
  if (what.local()) {
    make_local_folders(local_layout(what.view), ec);
  } else {
    make_repo_folders(what.layout, ec);
    if (!ec && what.plain_files) os::folder::make_below(what.layout.repo_dir(), what.view, ec);
  }
  const auto& root = what.local() ? what.view : what.layout.repo_dir();
  if (ec) throw_disk_error(ec, "create the folder", root);
  refuse_collisions(what);

  const auto begun = begun_partials(what);
  std::uint64_t needed = 0;
  for (const auto& step : what.steps) {
    if (step.action != file_action::fetched) continue;
    needed = bounded_sum(needed, step.what.size);
    const auto path = begun.empty() ? std::string() : what.partial_of(step.what);
    if (!begun.contains(os::last_segment(path))) continue;
    const auto partial = os::status(path, ec);
    // Of one with a journal the length tells nothing.
    const auto length = partial.identity.size <= step.what.size ? partial.identity.size : 0;
    if (!ec) needed -= std::min(step.what.size, std::max(length, partial.allocated));
  }
  const auto free = os::free_bytes(root, ec);
  if (!ec && needed > free) {
    throw error(errc::disk_full,
                "the download needs " + format_bytes(needed) + ", free are " + format_bytes(free),
                error_context{}.with_file(root));
  }
}

HUBCACHE_DECL begun_transfer begin_transfer(content_locks& locks, const content& what,
                                            const transfer_place& where, const digest_queue& digests,
                                            const index_ref& index) {
  begun_transfer result;
  std::error_code ec;
  auto lock = locks.try_lock(what.name, where.hub_lock, ec);
  if (ec) throw_disk_error(ec, "create a lock file for", where.target);
  if (!lock) return result;
  result.lock = std::make_shared<content_lock>(std::move(*lock));
  const auto holds_size = [&](const std::string& path, bool follow) {
    const auto there = os::status(path, ec, follow);
    return !ec && there.regular && there.identity.size == what.size && os::is_readable(path, there);
  };
  result.present = where.look_here && holds_size(where.target, true);
  if (result.present) return result;
  if (where.look_elsewhere) {
    result.places = index.find(what.name);
    std::erase_if(result.places, [&](const place& p) { return !holds_size(p.path, false); });
    if (!result.places.empty()) return result;
  }
  if (where.partial.empty()) return result;
  result.file = partial::open(where.partial, what, digests, ec);
  if (ec) throw_disk_error(ec, "create the download", where.partial);
  return result;
}

HUBCACHE_DECL std::vector<std::string> finish_entries(const plan& what, std::size_t first, std::size_t last) {
  std::vector<std::string> warnings;
  const auto chosen = std::span(what.entries).subspan(first, last - first);
  if (what.local()) {
    std::error_code ec;
    const local_layout layout(what.view);
    for (const auto& entry : chosen) {
      local_metadata data;
      data.commit = what.listing.commit;
      data.etag = what.steps[entry.step].what.name.hex();
      const auto known = read_metadata(layout, what.view, entry.path);
      if (known && known->commit == data.commit && known->etag == data.etag) continue;
      write_metadata(layout, entry.path, data, ec);
      if (ec) throw_disk_error(ec, "record the file", layout.metadata(entry.path));
    }
  } else if (!what.plain_files) {
    std::vector<symlink_entry> entries;
    for (const auto& entry : chosen) {
      symlink_entry link;
      link.path = entry.path;
      link.name = what.steps[entry.step].what.name;
      entries.push_back(std::move(link));
    }
    for (const auto& path :
         make_entries(what.layout.repo_dir(), what.view, entries, what.options.force_download)) {
      warnings.push_back(what.view + "/" + path +
                         " is a file of its own, not a link to the cache, and was kept; delete it to get the "
                         "cached one back.");
    }
  }
  return warnings;
}

HUBCACHE_DECL void finish_view(const plan& what, fsync_mode mode, bool unchanged) {
  std::error_code ec;
  const auto check = [&](std::string_view doing, const std::string& path) {
    const bool read_only = disk_errc(ec) == errc::permission_denied || ec == std::errc::read_only_file_system;
    if (ec && !(unchanged && read_only)) throw_disk_error(ec, doing, path);
  };
  if (what.write_tree) {
    const auto path = what.tree_path(what.listing.commit);
    // Where prune looks for leftovers.
    write_tree(path, what.listing, ec,
               what.local() ? local_layout(what.view).downloads() : what.layout.blobs_dir());
    check("write the listing", path);
  }
  auto refs = what.also_refs;
  if (what.write_ref) refs.push_back(what.revision);
  for (const auto& revision : refs) {
    if (revision == what.listing.commit) continue;
    write_ref(what.layout, revision, what.listing.commit, ec, mode);
    check("write the ref", what.layout.ref(revision));
  }
}

HUBCACHE_DECL mapped_contents complete_mapping(const plan& what, const hash_set_ref& hashes,
                                               const index_ref& index, const std::stop_token& stop) {
  mapped_contents result;
  std::error_code ec;
  std::unordered_map<digest, const plan_step*> steps;
  for (const auto& step : what.steps) steps.emplace(step.what.name, &step);
  for (const auto& [name, path] : *what.options.mapping) {
    const auto real = std::filesystem::canonical(path, ec).string();
    bool valid = !ec && os::status(real, ec).regular && !ec;
    if (const auto at = steps.find(name); valid && at != steps.end()) {
      place where;
      where.path = real;
      where.store = mutability::mutable_store;
      const auto found = confirm(where, index.find(name), at->second->what, hashes, stop);
      valid = found.file.has_value();
      auto record = found.hashed && valid ? confirmed_record(name, *found.file, mutability::mutable_store)
                                          : std::nullopt;
      if (record) result.records.push_back(std::move(*record));
    }
    (valid ? result.valid : result.stale).emplace(name, path);
  }
  std::vector<bool> seen(what.steps.size());
  for (const auto& entry : what.entries) {
    if (seen[entry.step]) continue;
    seen[entry.step] = true;
    const auto& content = what.steps[entry.step].what;
    const auto path = what.target_root + "/" + (what.plain_files ? entry.path : content.name.hex());
    auto name = std::optional(content.name);
    if (content.name.algorithm() != digest_algorithm::sha256) {
      const auto real = std::filesystem::canonical(path, ec).string();
      const auto file = ec ? os::descriptor{} : os::open_read(real, ec);
      name = ec ? std::nullopt : hash_file(hashes, file, digest_algorithm::sha256, content.size, stop, ec);
    }
    if (name) result.valid.try_emplace(*name, path);
  }
  return result;
}

}  // namespace hubcache::inline v0_1::detail
