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
  const auto& file = item.file->file();
  os::set_mode(file, where.mode, ec);
  const auto size = ec ? 0 : os::status(file, ec).identity.size;
  if (!ec && size != item.file->what().size) ec = errc::size_mismatch;  // somebody shortened it
  if (ec || mode == fsync_mode::none) return ec;
  os::sync(file, ec);
  // Memory may still show what the device has lost, and the next sync would succeed: nothing of it is kept.
  std::error_code ignored;
  if (ec) os::remove(item.file->path(), ignored);
  return ec;
}

/// Makes a file of its own for each target but the first, which `placed` has by now.
HUBCACHE_DECL void name_rest(placed_content& placed, const content& what,
                             const std::vector<std::string>& targets, const std::string& scratch,
                             const destination& where, fsync_mode mode, const hash_set_ref& hashes,
                             const link_ref& links, const std::stop_token& stop) {
  if (targets.size() == 1) return;
  const std::vector<std::string> rest(targets.begin() + 1, targets.end());
  link_batch copies(where, hashes, links, mode, {});
  copies.add(what, {placed.records.front().where}, rest, scratch, link_kind::reflink | link_kind::copy,
             stop);
  const auto more = std::move(copies.publish().front());
  placed.allocated += more.allocated;
  placed.records.insert(placed.records.end(), more.records.begin(), more.records.end());
  placed.failure = more.failure;
  if (!more.target && !placed.failure) placed.failure = std::make_error_code(std::errc::io_error);
}

HUBCACHE_DECL placed_content name_partial(const verified_partial& item, const destination& where,
                                          fsync_mode mode, const hash_set_ref& hashes,
                                          const link_ref& links, const std::stop_token& stop) {
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
  name_rest(result, what, item.targets, item.file->path(), where, mode, hashes, links, stop);
  return result;
}

}  // namespace detail

HUBCACHE_DECL std::vector<placed_content> publish(std::vector<verified_partial> batch,
                                                  const destination& where, fsync_mode mode,
                                                  const hash_set_ref& hashes, const link_ref& links,
                                                  index_ref index, const std::stop_token& stop) {
  // All writes are begun before the first is waited for: one journal commit then serves many files.
  if (mode != fsync_mode::none) {
    for (const auto& item : batch) os::start_sync(item.file->file());
  }
  std::vector<placed_content> results(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto& item = batch[i];
    auto& objection = results[i].objection;
    auto& failure = results[i].failure;
    if (item.rules.needed()) {
      objection = inspect(item.rules, item.file->file(), item.file->what(), hashes, stop, failure);
    }
    if (!objection && !failure) failure = detail::seal(item, where, mode);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!results[i].failure && !results[i].objection)
      results[i] = detail::name_partial(batch[i], where, mode, hashes, links, stop);
    index.insert(results[i].records);
  }
  return results;
}

namespace detail {

/// A batch of contents in memory on their way to their names.
class whole_batch {
 public:
  whole_batch(std::vector<whole_content> batch, const destination& where, const std::string& scratch,
              fsync_mode mode, const hash_set_ref& hashes, const link_ref& links)
      : batch_(std::move(batch)),
        where_(where),
        scratch_path_(scratch),
        mode_(mode),
        hashes_(hashes),
        links_(links),
        sha256_(hashes.make(digest_algorithm::sha256, 0)),
        written_(batch_.size()),
        twins_(batch_.size()),
        results_(batch_.size()) {}

  std::vector<published_content> run(index_ref index) {
    std::error_code ec;
    root_ = os::folder::open_below(where_.base, where_.root, ec);
    if (!ec) scratch_ = os::folder::open_below(where_.base, scratch_path_, ec);
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      results_[i].placed.failure = ec;
      if (!ec) write(i);
    }
    // All writes are begun before the first is waited for: one journal commit then serves many files.
    if (mode_ != fsync_mode::none) {
      for (const auto& file : written_) {
        if (file) os::start_sync(file);
      }
    }
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      auto& failure = results_[i].placed.failure;
      if (mode_ != fsync_mode::none && written_[i] && !failure) os::sync(written_[i], failure);
    }
    std::vector<index_record> records;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      if (written_[i]) name(i);
      const auto& known = results_[i].placed.records;
      records.insert(records.end(), known.begin(), known.end());
    }
    index.insert(records);
    return std::move(results_);
  }

 private:
  [[nodiscard]] std::string temporary(std::size_t i) const {
    return batch_[i].what.name.hex() + "." + tag_ + ".incomplete";
  }

  /// Verifies one, and writes it to its temporary. The digests come from the memory that is written: nothing is read
  /// back.
  void write(std::size_t i) {
    const auto& item = batch_[i];
    const byte_view bytes(item.bytes.get(), static_cast<std::size_t>(item.what.size));
    sha256_.update(bytes);
    const auto sha256 = sha256_.finish();
    auto git = hashes_.make(digest_algorithm::git_sha1, item.what.size);
    git.update(bytes);
    const auto git_sha1 = git.finish();
    const bool by_sha256 = item.what.name.algorithm() == digest_algorithm::sha256;
    if (item.what.name != (by_sha256 ? sha256 : git_sha1)) {
      results_[i].altered = by_sha256 ? sha256 : git_sha1;
      return;
    }
    results_[i].placed.objection = inspect(item.rules, bytes, sha256);
    if (results_[i].placed.objection) return;
    auto& failure = results_[i].placed.failure;
    written_[i] = scratch_.create_new(temporary(i), where_.mode, failure);
    if (failure) return;
    os::write_at(written_[i], bytes, 0, failure);
    twins_[i] = by_sha256 ? git_sha1 : sha256;
    if (mode_ == fsync_mode::none) name(i);  // nothing is to be waited for: the file need not stay open
  }

  /// Names what was written, or removes it if that failed; records what is known of it.
  void name(std::size_t i) {
    auto& placed = results_[i].placed;
    const auto& target = batch_[i].targets.front();
    const auto file = std::move(written_[i]);
    const auto there = parent_of(target, placed.failure);
    if (there) scratch_.move(temporary(i), *there, os::last_segment(target), placed.failure);
    if (placed.failure) {
      std::error_code ignored;
      scratch_.remove(temporary(i), ignored);
      return;
    }
    auto path = where_.root + "/" + target;
    if (mode_ == fsync_mode::each) os::sync_directory(path.substr(0, path.rfind('/')), placed.failure);
    // Its identity is that of the file we hold: the name may be another user's by now.
    const auto status = placed.failure ? os::file_status() : os::status(file, placed.failure);
    if (placed.failure) return;
    placed.allocated = status.allocated;
    placed.records.push_back(verified_record(batch_[i].what.name, path, status.identity, store_of(where_)));
    placed.records.push_back(verified_record(twins_[i], path, status.identity, store_of(where_)));
    placed.target = std::move(path);
    name_rest(placed, batch_[i].what, batch_[i].targets, scratch_path_ + "/" + temporary(i), where_, mode_,
              hashes_, links_, {});
  }

  /// The folder that holds `target`; null and `ec` if it cannot be opened. Targets of one folder mostly come together:
  /// it is opened once.
  const os::folder* parent_of(const std::string& target, std::error_code& ec) {
    const auto path = std::string_view(target).substr(0, target.rfind('/') + 1);
    if (ec || path.empty()) return ec ? nullptr : &root_;
    if (path != parent_path_) {
      parent_ = root_.parent_of(target, ec);
      parent_path_ = ec ? std::string_view() : path;
    }
    return ec ? nullptr : &parent_;
  }

  std::vector<whole_content> batch_;
  const destination& where_;
  const std::string& scratch_path_;
  fsync_mode mode_;
  const hash_set_ref& hashes_;
  const link_ref& links_;
  any_hasher sha256_;
  const std::string tag_ = os::random_hex(8);  // makes the temporaries this batch's own
  os::folder root_;
  os::folder scratch_;
  os::folder parent_;
  std::string parent_path_;
  std::vector<os::descriptor> written_;  // open from write() to name()
  std::vector<digest> twins_;
  std::vector<published_content> results_;
};

}  // namespace detail

HUBCACHE_DECL std::vector<published_content> publish(std::vector<whole_content> batch,
                                                     const destination& where, const std::string& scratch,
                                                     fsync_mode mode, const hash_set_ref& hashes,
                                                     const link_ref& links, index_ref index) {
  detail::whole_batch all(std::move(batch), where, scratch, mode, hashes, links);
  return all.run(index);
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
    const bool is_new = ec || none == std::errc::no_such_file_or_directory;
    const auto there = is_new ? os::file_status() : parent.status(name, none);
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
