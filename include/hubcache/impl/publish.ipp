#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/publish.hpp>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL index_record verified_record(const digest& name, const std::string& path,
                                           const os::file_identity& identity, mutability store) {
  place where;
  where.path = path;
  where.identity = identity;
  where.state = trust_after_hash(where.identity, store);
  where.store = store;
  return {name, std::move(where)};
}

namespace detail {

/// Files up to this size are hashed by both algorithms, so that twins under the other name are found.
inline constexpr std::uint64_t twin_limit = 1024 * 1024;

/// Renames `temporary` to `target` below the destination; its parents are made, no symlink is followed.
HUBCACHE_DECL void give_name(const destination& where, const std::string& temporary,
                             const std::string& target, std::error_code& ec) {
  const auto root = os::folder::open_below(where.base, where.root, ec);
  const auto parent = ec ? os::folder{} : root.parent_of(target, ec);
  if (!ec) parent.take(temporary, os::last_segment(target), ec);
  std::error_code ignored;
  // Renaming one hard link over another of the same inode leaves both names.
  if (!ec) os::remove(temporary, ignored);
}

HUBCACHE_DECL mutability store_of(const destination& where) noexcept {
  return where.plain_files ? mutability::mutable_store : mutability::immutable_store;
}

HUBCACHE_DECL link_report link_once(const opened_file& have, const std::string& target,
                                    const destination& where, const std::string& scratch, link_kinds kinds,
                                    const link_ref& links, std::error_code& ec) {
  if (!where.plain_files) {
    // Refuses a symlink in the place of blobs/.
    if (!os::folder::open_below(where.base, where.root, ec)) return {};
    auto report = links.link(have, {where.root + "/" + target, where.mode}, kinds, ec);
    if (ec != std::errc::file_exists) return report;
  }
  const auto temporary = scratch + "." + os::random_hex(8) + ".incomplete";
  auto report = links.link(have, {temporary, where.mode}, kinds, ec);
  if (ec) return report;
  give_name(where, temporary, target, ec);
  std::error_code ignored;
  if (ec) os::remove(temporary, ignored);
  return report;
}

/// Why the one kind that was asked for was not used; empty if it was, or if there was a choice.
HUBCACHE_DECL std::string unmet_request(const link_report& report, link_kinds allowed,
                                        const std::string& target) {
  for (const auto& refusal : report.refusals) {
    if (allowed == link_kinds(refusal.kind)) {
      return target + " was copied: a " + std::string(to_string(refusal.kind)) + " is not possible here (" +
             refusal.reason.message() + ").";
    }
  }
  return {};
}

/// Adds what one successful link to `target` means.
HUBCACHE_DECL void note_link(placed_content& result, const content& what, const opened_file& have,
                             mutability have_store, const std::string& target, const destination& where,
                             const link_report& report) {
  std::error_code ec;
  const auto path = where.root + "/" + target;
  const auto status = os::status(path, ec);
  if (report.used == link_kind::copy) result.allocated += status.allocated;
  if (report.used != link_kind::symlink && !ec) {
    result.records.push_back(verified_record(what.name, path, status.identity, store_of(where)));
  }
  if (report.used == link_kind::hard_link) {
    // The link changed the inode's ctime: without this the source would count as changed.
    if (auto source = confirmed_record(what.name, have, have_store))
      result.records.push_back(std::move(*source));
  }
  if (result.target) return;
  result.target = path;
  result.link = report.used;
  result.source = have.path;
}

/// What is learned of a twin: the other digest of a small file at `path`.
HUBCACHE_DECL void add_twin(std::vector<index_record>& records, const std::string& path, const content& what,
                            const hash_set_ref& hashes, mutability store) {
  std::error_code ec;
  if (what.size > twin_limit) return;
  const auto file = os::open_read(path, ec);
  const auto both = ec ? std::nullopt : hash_file_both(hashes, file, what.size, {}, ec);
  if (!both || (both->sha256 != what.name && both->git_sha1 != what.name)) return;
  const auto& other = what.name.algorithm() == digest_algorithm::sha256 ? both->git_sha1 : both->sha256;
  const auto identity = os::status(file, ec).identity;
  if (!ec) records.push_back(verified_record(other, path, identity, store));
}

}  // namespace detail

HUBCACHE_DECL placed_content link_content(const content& what, const std::vector<place>& places,
                                          const std::vector<std::string>& targets, const destination& where,
                                          const std::string& scratch, link_kinds allowed,
                                          const hash_set_ref& hashes, const link_ref& links,
                                          const std::stop_token& stop) {
  placed_content result;
  for (const auto& candidate : places) {
    if (stop.stop_requested()) break;
    auto found = confirm(candidate, places, what, hashes, stop);
    if (!found.file) {
      if (found.stale) result.stale.emplace_back(what.name, candidate);
      result.warnings.push_back(candidate.path + " cannot be used: " + found.problem + ".");
      continue;
    }
    if (found.hashed) {
      auto hashed = confirmed_record(what.name, *found.file, candidate.store);
      if (hashed) result.records.push_back(std::move(*hashed));
    }
    auto kinds = kinds_for(candidate, allowed);
    if (where.plain_files) kinds = kinds.without(link_kind::hard_link).without(link_kind::symlink);
    for (const auto& target : targets) {
      const auto report =
          detail::link_once(*found.file, target, where, scratch, kinds, links, result.failure);
      if (result.failure) break;
      detail::note_link(result, what, *found.file, candidate.store, target, where, report);
      if (auto unmet = detail::unmet_request(report, allowed, target);
          !unmet.empty() && what.size >= 64 * 1024) {
        result.warnings.push_back(std::move(unmet));
      }
    }
    if (!result.failure) {
      detail::add_twin(result.records, *result.target, what, hashes, detail::store_of(where));
      return result;
    }
    result.target.reset();
    result.allocated = 0;
    result.warnings.push_back(candidate.path + " cannot be linked: " + result.failure.message() + ".");
  }
  return result;
}

namespace detail {

/// Mode, content and sync of one partial, before it is named.
HUBCACHE_DECL std::error_code seal(const verified_partial& item, const destination& where, fsync_mode mode) {
  std::error_code ec;
  os::set_mode(item.file->file(), where.mode, ec);
  if (!ec && mode != fsync_mode::none) os::sync(item.file->file(), ec);
  return ec;
}

HUBCACHE_DECL placed_content name_partial(const verified_partial& item, const destination& where,
                                          fsync_mode mode, const hash_set_ref& hashes,
                                          const link_ref& links) {
  placed_content result;
  const auto& what = item.file->what();
  give_name(where, item.file->path(), item.targets.front(), result.failure);
  if (result.failure) return result;
  const auto path = where.root + "/" + item.targets.front();
  // Of the file we hold: the name may be another user's by now.
  const auto status = os::status(item.file->file(), result.failure);
  if (result.failure) return result;
  auto record = verified_record(what.name, path, status.identity, store_of(where));
  result.allocated = status.allocated;
  result.target = path;
  result.records.push_back(record);
  add_twin(result.records, path, what, hashes, store_of(where));
  if (mode == fsync_mode::each) {
    os::sync_directory(path.substr(0, path.rfind('/')), result.failure);
  }
  if (item.targets.size() == 1) return result;

  const std::vector<std::string> rest(item.targets.begin() + 1, item.targets.end());
  const auto more = link_content(what, {record.where}, rest, where, item.file->path(),
                                 link_kind::reflink | link_kind::copy, hashes, links, {});
  result.allocated += more.allocated;
  result.records.insert(result.records.end(), more.records.begin(), more.records.end());
  result.failure = more.failure;
  if (!more.target && !result.failure) result.failure = std::make_error_code(std::errc::io_error);
  return result;
}

}  // namespace detail

HUBCACHE_DECL std::vector<placed_content> publish(std::vector<verified_partial> batch,
                                                  const destination& where, fsync_mode mode,
                                                  const hash_set_ref& hashes, const link_ref& links,
                                                  index_ref index) {
  // All writes are begun before the first is waited for: one journal commit then serves many files.
  if (mode != fsync_mode::none) {
    for (const auto& item : batch) os::start_sync(item.file->file());
  }
  std::vector<placed_content> results(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) results[i].failure = detail::seal(batch[i], where, mode);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!results[i].failure) results[i] = detail::name_partial(batch[i], where, mode, hashes, links);
    index.insert(results[i].records);
  }
  return results;
}

HUBCACHE_DECL void make_entries(const std::string& base, const std::string& view,
                                const std::vector<symlink_entry>& entries) {
  std::error_code ec;
  const auto root = os::folder::open_below(base, view, ec);
  if (ec) throw_disk_error(ec, "create the snapshot folder", view);
  os::folder parent;
  std::optional<std::string> parent_path;  // entries of one folder mostly come together: it is opened once
  for (const auto& entry : entries) {
    const auto name = os::last_segment(entry.path);
    auto path = entry.path.substr(0, entry.path.size() - name.size());
    if (parent_path != path) {
      parent = root.parent_of(entry.path, ec);
      parent_path = std::move(path);
    }
    const auto target = hub_layout::entry_target(entry.path, entry.name);
    std::error_code none;
    if (!ec && parent.read_link(name, none) != target) parent.replace_symlink(target, name, ec);
    if (ec) throw_disk_error(ec, "create the snapshot entry", view + "/" + entry.path);
  }
}

}  // namespace hubcache::inline v0_1
