#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/link_batch.hpp>
#include <hubcache/store/publish.hpp>

#include <filesystem>
#include <optional>
#include <utility>

namespace hubcache::inline v0_1 {

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
  give_name(where, item.file->path(), item.targets.front(), mode, result.failure);
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
  if (item.targets.size() == 1) return result;

  const std::vector<std::string> rest(item.targets.begin() + 1, item.targets.end());
  link_batch copies(where, hashes, links, mode, {});
  copies.add(what, {record.where}, rest, item.file->path(), link_kind::reflink | link_kind::copy, {});
  const auto more = std::move(copies.publish().front());
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

namespace detail {

/// Whether the regular file `path` holds nothing but what the blob `blob` holds: a link may take its place.
HUBCACHE_DECL bool repeats(const std::string& path, const std::string& blob) {
  std::error_code ec;
  const auto mine = os::open_read(path, ec);
  const auto real = ec ? std::string() : std::filesystem::canonical(blob, ec).string();
  const auto theirs = ec ? os::descriptor() : os::open_read(real, ec);
  const auto size = ec ? 0 : os::status(mine, ec).identity.size;
  return !ec && os::status(theirs, ec).identity.size == size && !ec && os::same_bytes(mine, theirs, size, ec);
}

}  // namespace detail

HUBCACHE_DECL std::vector<std::string> make_entries(const std::string& base, const std::string& view,
                                                    const std::vector<symlink_entry>& entries, bool force) {
  std::error_code ec;
  const auto root = os::folder::open_below(base, view, ec);
  if (ec) throw_disk_error(ec, "create the snapshot folder", view);
  std::vector<std::string> kept;
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
    if (!ec && parent.read_link(name, none) == target) continue;
    const auto there = ec ? os::file_status() : parent.status(name, none);
    const auto blob = base + "/blobs/" + entry.name.hex();
    if (there.regular && !force && !detail::repeats(view + "/" + entry.path, blob)) {
      kept.push_back(entry.path);
      continue;
    }
    if (!ec) parent.replace_symlink(target, name, ec);
    if (ec) throw_disk_error(ec, "create the snapshot entry", view + "/" + entry.path);
  }
  return kept;
}

}  // namespace hubcache::inline v0_1
