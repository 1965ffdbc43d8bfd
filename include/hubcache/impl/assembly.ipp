#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>
#include <hubcache/impl/assembled_folder.ipp>
#include <hubcache/impl/assembly_manifest.ipp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/impl/ledger.ipp>
#include <hubcache/link/hard_link.hpp>
#include <hubcache/store/assembly.hpp>
#include <hubcache/store/confirm.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/store/link_batch.hpp>
#include <hubcache/store/readers.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL error wrong_in_assembly(const std::string& path, const char* why) {
  return {errc::invalid_argument, why, error_context{}.with_file(path)};
}

/// @throws error errc::invalid_argument unless every file can stand in the directory, and in a manifest
HUBCACHE_DECL void check_assembly(const assembly& what) {
  if (!what.dir.starts_with('/')) throw wrong_in_assembly(what.dir, "the directory needs an absolute path");
  check_assembly_names(what);
  for (const auto& file : what.files) {
    if (!is_commit(file.commit) || !is_safe_path(file.source) ||
        file.sha256.algorithm() != digest_algorithm::sha256) {
      throw wrong_in_assembly(file.path, "its origin needs a commit, a path in the repo and a sha256");
    }
  }
}

/// @throws error errc::refused if the directory lies where others look for content, or in the state folder
HUBCACHE_DECL void refuse_place(const assembled_folder& dir, const settings& config) {
  const auto real = real_path(dir.path());
  const auto refuse_within = [&](const std::string& folder) {
    const auto around = real_path(folder);
    if (real == around || is_below(real, around)) {
      dir.refuse({}, "it lies in " + folder + ", which is no place for it; choose another directory");
    }
  };
  refuse_within(config.cache_dir);
  refuse_within(config.state_dir);
  for (const auto& one : config.stores) {
    if (mutability_of(one.kind) == mutability::immutable_store) refuse_within(one.path);
  }
}

/// One assemble().
class assembler {
 public:
  assembler(const assembly& what, const settings& config, const link_ref& links, const hash_set_ref& hashes,
            index_ref index, const std::stop_token& stop)
      : what_(what),
        config_(config),
        links_(links),
        hashes_(hashes),
        index_(index),
        stop_(stop),
        pins_(config.state_dir),
        dir_(os::absolute_path(what.dir)) {}

  assembly_report run() {
    refuse_place(dir_, config_);
    if (dir_.enter()) examine();
    choose();
    gather();
    if (!dir_.is_open()) dir_.make();
    dir_.set_mode(mode_of_texts());
    const bool changes = !sources_.empty() || !texts_.empty() || !unwanted_.empty();
    if (changes) change();
    for (std::size_t i = 0; i < what_.files.size(); ++i) {
      if (report_.files[i].link == link_kind::symlink) pin_commit(what_.files[i]);
    }
    dir_.write_manifest(final_manifest(), config_.fsync);
    return std::move(report_);
  }

 private:
  /// Content to be linked.
  struct source {
    source() = default;
    std::vector<std::size_t> positions;  ///< In what_.files: those that shall have it, at least one.
    place from;
    link_kinds kinds;
    bool in_cache = false;  ///< A symlink can lead there.
  };

  void check_stop() const {
    if (stop_.stop_requested()) throw error(errc::cancelled, "");
  }

  /// Finds out what stands in the directory, all of it as a run put it there.
  void examine() {
    std::map<std::string, std::string> changed;
    auto listed = dir_.read_manifest();
    std::set<std::string> paths;
    for (const auto& entry : listed) paths.insert(entry.path);
    for (auto& entry : listed) {
      check_stop();
      const auto now = look_at(entry.path, paths);
      const bool is_folder = now && now->directory && has_below(paths, entry.path);
      if (!now || is_folder) continue;  // it can be made again
      auto problem = difference(entry, *now);
      if (problem.empty()) {
        standing_.emplace(entry.path, std::move(entry));
      } else {
        changed.insert_or_assign(entry.path, std::move(problem));
      }
    }
    for (const auto& [path, problem] : changed) {
      if (standing_.contains(path)) continue;
      dir_.refuse(path, "it was changed since it was put there: " + problem +
                            "; move it away, or choose another directory");
    }
  }

  /// Whether a file of `paths` lies below `folder`.
  template <class Paths>
  [[nodiscard]] static bool has_below(const Paths& paths, const std::string& folder) {
    return paths.lower_bound(folder + "/") != paths.lower_bound(folder + "0");  // which follows '/'
  }

  /// What is at `path` now, kept for refuse_if_changed(). None, too, if one of `ours` is where a folder of it would be.
  template <class Paths>
  std::optional<os::file_status> look_at(const std::string& path, const Paths& ours) {
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      const auto above = path.substr(0, slash);
      const auto in_the_way = ours.contains(above) ? dir_.look_at(above) : std::nullopt;
      if (in_the_way && !in_the_way->directory) return std::nullopt;
    }
    auto now = dir_.look_at(path);
    if (now && !now->directory) examined_.emplace(path, *now);
    return now;
  }

  /// @throws error errc::refused unless `path` is as it was when it was looked at, or gone as it was
  void refuse_if_changed(const std::string& path) const {
    const auto then = examined_.find(path);
    const auto now = dir_.look_at(path);
    if (!now && then == examined_.end()) return;
    if (now && then != examined_.end() && is_same(then->second, *now)) return;
    dir_.refuse(
        path,
        "it was changed while the directory was being filled; move it away, or choose another directory");
  }

  [[nodiscard]] static bool is_same(const os::file_status& then, const os::file_status& now) noexcept {
    if (then.regular != now.regular || then.symlink != now.symlink) return false;
    // The ctime of a hard link changes with each new name of the blob.
    return then.links > 1 ? same_bytes_state(then.identity, now.identity) : then.identity == now.identity;
  }

  /// What tells the file that stands there from the one in the manifest; empty if it is that.
  std::string difference(const manifest_file& entry, const os::file_status& now) {
    const bool was_symlink = entry.link == link_kind::symlink;
    if (now.symlink) {
      if (!entry.repo || (entry.link && !was_symlink)) return "it is a symlink";
      const auto tail = hub_layout({}, *entry.repo).snapshot(entry.commit) + "/" + entry.source;
      const auto text = dir_.read_link(entry.path);
      return text.ends_with(tail) ? std::string() : "it leads to " + printable(text);
    }
    if (!now.regular || was_symlink) return now.regular ? "it is no symlink" : "it is no file";
    place where;
    where.path = dir_.path_of(entry.path);
    where.store = mutability::mutable_store;
    const content meant(entry.sha256, entry.size);
    const auto found = confirm(where, index_.find(meant.name), meant, hashes_, stop_);
    check_readable(found, where.path);
    if (found.hashed && found.file) note(confirmed_record(meant.name, *found.file, where.store));
    return found.problem;
  }

  /// @throws error unless it is known what lies there
  void check_readable(const confirmed_place& found, const std::string& path) const {
    check_stop();
    if (found.file || found.stale) return;
    throw error(errc::disk_failed, "it cannot be read: " + found.problem, error_context{}.with_file(path));
  }

  void note(const std::optional<index_record>& learned) {
    if (learned) index_.insert(std::span(&*learned, 1));
  }

  /// What stands at `path`; nullptr if nothing does, or will once the files of ours are gone that are in its way: they are
  /// not wanted, as no wanted file is a folder of another. @throws error errc::refused if something else is there
  [[nodiscard]] const manifest_file* standing(const std::string& path) {
    const auto found = standing_.find(path);
    if (found != standing_.end()) return &found->second;
    const auto now = dir_.is_open() ? look_at(path, standing_) : std::nullopt;
    const auto is_ours = [this](const std::string& file) { return standing_.contains(file); };
    if (now && !(now->directory && dir_.has_only(path, is_ours))) {
      dir_.refuse(
          path,
          "hubcache did not put it there, and another file shall have its name; move it away, or choose "
          "another directory");
    }
    return nullptr;
  }

  /// Decides what is kept, what is made and what goes.
  void choose() {
    std::set<std::string_view> wanted;
    for (const auto& file : what_.files) {
      const auto* const now = standing(file.path);
      auto& done = report_.files.emplace_back();
      done.path = *wanted.insert(file.path).first;
      done.kept = now != nullptr && shows(*now, file);
      if (done.kept) done.link = now->link;
    }
    for (const auto& text : what_.texts) {
      const auto* const now = standing(text.path);
      auto& done = report_.files.emplace_back();
      done.path = *wanted.insert(text.path).first;
      done.kept = now != nullptr && *now == entry_of(text);
      if (!done.kept) texts_.push_back(&text);
    }
    for (const auto& [path, entry] : standing_) {
      if (!wanted.contains(path)) unwanted_.push_back(path);
    }
  }

  /// Whether `now` need not be made again for `file`.
  [[nodiscard]] bool shows(const manifest_file& now, const assembly_file& file) const {
    if (!now.repo || !now.link || now.sha256 != file.sha256 || now.size != file.what.size) return false;
    if (now.link != link_kind::symlink) return true;
    std::error_code ec;
    return dir_.read_link(file.path) == file.file &&
           os::status(file.file, ec, true).identity.size == now.size && !ec;
  }

  /// Makes sure of all that is to be linked, before anything is changed.
  void gather() {
    std::set<std::string> leased;
    for (std::size_t i = 0; i < what_.files.size(); ++i) {
      check_stop();
      const auto& file = what_.files[i];
      if (report_.files[i].kept && report_.files[i].link != link_kind::symlink) continue;
      if (leased.insert(file.repo.folder()).second) lease(file.repo);
      if (report_.files[i].kept) {
        static_cast<void>(source_of(file));  // it leads to what it shall
      } else {
        add_source(i);
      }
    }
  }

  /// Twins are linked together: a link changes the identity that they would be known by.
  void add_source(std::size_t position) {
    auto made = source_of(what_.files[position]);
    const auto [known, added] =
        source_by_place_.try_emplace(std::pair(made.from.path, made.in_cache), sources_.size());
    if (added) sources_.push_back(std::move(made));
    sources_[known->second].positions.push_back(position);
  }

  void lease(const repo& which) {
    std::error_code ec;
    auto held = pins_.wait_for_lease(config_.cache_dir, which.folder(), ec);
    if (held) return leases_.push_back(std::move(*held));
    // Where none can be taken (a read-only home) there is none.
    if (ec) return;
    throw error(errc::refused, "another process is removing from the repo's folder",
                error_context{}.with_repo(which.display()));
  }

  [[nodiscard]] source source_of(const assembly_file& file) {
    source result;
    std::error_code ec;
    result.from.path = std::filesystem::canonical(file.file, ec).string();
    if (ec == std::errc::no_such_file_or_directory) {
      throw error(errc::not_cached, "the snapshot lacks it", error_context{}.with_file(file.file));
    }
    if (ec) throw_disk_error(ec, "find the snapshot's file", file.file);
    const auto known = index_.find(file.what.name);
    result.from.store = store_of_blob(result.from.path, file.repo);
    const auto found = confirm(result.from, known, file.what, hashes_, stop_);
    check_readable(found, file.file);
    if (!found.file) {
      throw error(errc::refused, "it is not what the repo has: " + found.problem,
                  error_context{}.with_file(file.file).with_repo(file.repo.display()));
    }
    if (found.hashed) note(confirmed_record(file.what.name, *found.file, result.from.store));
    note_readers(*found.file);
    result.from.identity = found.file->status.identity;
    result.from.state = trust::verified;
    // Who may write to a blob would, by another name of it, write to the directory, and the other way round.
    if ((found.file->status.mode & 0222U) != 0) result.from.store = mutability::mutable_store;
    const auto entry = hub_layout(config_.cache_dir, file.repo).snapshot(file.commit) + "/" + file.source;
    result.in_cache = file.file == entry;
    const bool copied = !result.in_cache || file.what.size < hard_link::smallest;
    result.kinds = link_kind::reflink | (copied ? link_kind::copy : link_kind::hard_link);
    return result;
  }

  void note_readers(const opened_file& from) {
    std::error_code ec;
    auto folder = os::parent_path(from.path);
    auto around = readers_of_.find(folder);
    if (around == readers_of_.end()) {
      auto found = readers::of_folder(folder, ec);
      if (ec) found = readers().through(os::file_status());  // unknown: as if it let nobody in
      around = readers_of_.emplace(std::move(folder), std::move(found)).first;
    }
    ec.clear();
    const auto list = os::access_list(from.file, ec);
    allowed_.push_back(around->second.through(ec ? os::file_status() : from.status, list));
  }

  /// Lets nobody read the texts and the manifest who could not read every file that is shown with them.
  [[nodiscard]] std::uint32_t mode_of_texts() const {
    std::error_code ec;
    const auto around = readers::of_folder(dir_.path(), ec);
    const auto inherited = ec ? std::vector<os::access_entry>() : os::inherited_access_list(dir_.path(), ec);
    if (ec) return 0600;
    const auto group = group_in(dir_.path());
    std::uint32_t mode = 0666;
    for (const auto& some : allowed_) mode = mode_for(mode, group, around, some, inherited);
    for (const auto& done : report_.files) {
      const auto kept = done.kept && done.link ? examined_.find(done.path) : examined_.end();
      if (kept == examined_.end() || kept->second.symlink) continue;
      mode = mode_for(mode, group, around, around.through(kept->second), inherited);
    }
    return mode;
  }

  [[nodiscard]] mutability store_of_blob(const std::string& path, const repo& of) const {
    // The repo's folder may be a symlink to another disk.
    for (const auto& ours : {config_.cache_dir, hub_layout(config_.cache_dir, of).repo_dir()}) {
      if (is_below(path, real_path(ours))) return mutability::immutable_store;
    }
    const auto in = std::find_if(config_.stores.begin(), config_.stores.end(),
                                 [&](const store& one) { return one.holds(path); });
    return in == config_.stores.end() ? mutability::mutable_store : mutability_of(in->kind);
  }

  void change() {
    dir_.write_manifest(both_manifests(), config_.fsync);
    destination where;
    where.base = where.root = dir_.path();
    link_batch batch(where, hashes_, links_, config_.fsync, {});
    for (const auto& one : sources_) {
      check_stop();
      std::vector<std::string> targets;
      for (const auto position : one.positions) targets.push_back(what_.files[position].path);
      batch.add(what_.files[one.positions.front()].what, {one.from}, targets, dir_.path_of(assembly_scratch),
                one.kinds, stop_);
    }
    check_stop();
    for (const auto& path : unwanted_) {
      refuse_if_changed(path);
      dir_.remove(path);
      report_.removed.push_back(path);
    }
    batch.sync();
    for (const auto& one : sources_) {
      for (const auto position : one.positions) refuse_if_changed(what_.files[position].path);
    }
    const auto placed = batch.publish();
    for (const auto& one : placed) tell_index(one.records);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      for (const auto position : sources_[i].positions) settle(position, sources_[i], placed[i]);
    }
    for (const auto* text : texts_) {
      check_stop();
      refuse_if_changed(text->path);
      dir_.write(text->path, text->text, config_.fsync);
    }
    if (config_.fsync != fsync_mode::none) sync_folders();
  }

  /// What lies in the directory its user may edit.
  void tell_index(std::vector<index_record> records) {
    for (auto& one : records) {
      if (!is_below(one.where.path, dir_.path())) continue;
      one.where.store = mutability::mutable_store;
      one.where.state = trust_after_hash(one.where.identity, one.where.store);
    }
    index_.insert(records);
  }

  void settle(std::size_t position, const source& from, const placed_content& placed) {
    const auto& file = what_.files[position];
    auto& done = report_.files[position];
    done.link = placed.link;
    if (placed.target) return;
    check_stop();
    const bool copied = from.kinds.contains(link_kind::copy);
    if (from.in_cache && !(copied && placed.failure)) {
      pin_commit(file);
      refuse_if_changed(file.path);
      dir_.point(file.path, file.file);
      done.link = link_kind::symlink;
    } else if (placed.failure) {
      throw_disk_error(placed.failure, "link the file", dir_.path_of(file.path));
    } else {
      dir_.refuse(file.path, placed.warnings.empty() ? "it cannot be linked" : placed.warnings.back());
    }
  }

  /// Pins the file's commit, unless it is.
  void pin_commit(const assembly_file& file) {
    const auto label = std::string(to_string(file.repo.type())) + "/" + file.repo.id();
    if (!pinned_) pinned_ = pins_.pins(config_.cache_dir).pins;
    const bool known = std::any_of(pinned_->begin(), pinned_->end(), [&](const pin& one) {
      return one.repo == label && (one.revision.empty() || one.revision == file.commit);
    });
    if (known) return;
    const pin made(config_.cache_dir, label, file.commit);
    std::error_code ec;
    pins_.add_pin(made, ec);
    if (ec) throw_disk_error(ec, "pin the repo " + file.repo.display() + " in", config_.state_dir);
    pinned_->push_back(made);
    report_.pins.push_back(made);
  }

  /// Makes it last which names there are below the directory's own.
  void sync_folders() const {
    auto paths = report_.removed;
    for (const auto& done : report_.files) {
      if (!done.kept) paths.push_back(done.path);
    }
    std::set<std::string> folders;
    for (const auto& path : paths) {
      for (auto folder = os::parent_path(dir_.path_of(path)); is_below(folder, dir_.path());
           folder = os::parent_path(folder)) {
        folders.insert(folder);
      }
    }
    for (const auto& folder : folders) {
      std::error_code ec;
      os::sync_directory(folder, ec);
      const bool removed = ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory;
      if (ec && !removed) throw_disk_error(ec, "sync", folder);
    }
  }

  [[nodiscard]] static manifest_file entry_of(const assembly_file& file) {
    manifest_file entry;
    entry.path = file.path;
    entry.repo = file.repo;
    entry.commit = file.commit;
    entry.source = file.source;
    entry.size = file.what.size;
    entry.sha256 = file.sha256;
    return entry;
  }
  [[nodiscard]] manifest_file entry_of(const assembly_text& text) const {
    manifest_file entry;
    entry.path = text.path;
    entry.size = text.text.size();
    auto hash = hashes_.make(digest_algorithm::sha256, entry.size);
    hash.update(as_byte_view(text.text));
    entry.sha256 = hash.finish();
    return entry;
  }

  [[nodiscard]] std::vector<manifest_file> final_manifest() const {
    std::vector<manifest_file> all;
    for (std::size_t i = 0; i < what_.files.size(); ++i) {
      all.push_back(entry_of(what_.files[i]));
      all.back().link = report_.files[i].link;
    }
    for (const auto& text : what_.texts) all.push_back(entry_of(text));
    return all;
  }

  /// What stands there, then what shall and does not yet.
  [[nodiscard]] std::vector<manifest_file> both_manifests() const {
    std::vector<manifest_file> all;
    for (const auto& [path, entry] : standing_) all.push_back(entry);
    for (auto& entry : final_manifest()) {
      const auto now = standing_.find(entry.path);
      if (now == standing_.end() || now->second != entry) all.push_back(std::move(entry));
    }
    return all;
  }

  const assembly& what_;
  const settings& config_;
  const link_ref& links_;
  const hash_set_ref& hashes_;
  index_ref index_;
  const std::stop_token& stop_;
  const ledger pins_;
  assembled_folder dir_;
  std::map<std::string, manifest_file> standing_;    // by path
  std::map<std::string, os::file_status> examined_;  // by path: what the decisions were made of
  std::vector<os::file_lock> leases_;
  std::map<std::string, readers> readers_of_;  // by folder of sources
  std::vector<readers> allowed_;               // of each source
  std::vector<source> sources_;
  std::map<std::pair<std::string, bool>, std::size_t> source_by_place_;  // of sources_, by path and in_cache
  std::vector<const assembly_text*> texts_;
  std::vector<std::string> unwanted_;
  std::optional<std::vector<pin>> pinned_;  // once they were looked at
  assembly_report report_;
};

}  // namespace detail

HUBCACHE_DECL void check_assembly_names(const assembly& what) {
  std::vector<file_entry> names;
  const auto add = [&](const std::string& path) {
    if (!is_safe_path(path) || detail::is_assembly_name(path))
      throw detail::wrong_in_assembly(path, "no file of the directory can have this path");
    names.emplace_back().path = path;
  };
  for (const auto& file : what.files) add(file.path);
  for (const auto& text : what.texts) add(text.path);
  if (const auto* twice = detail::sort_listing(names)) {
    throw detail::wrong_in_assembly(*twice,
                                    "two files would have this path, or one would be a folder of the other");
  }
}

HUBCACHE_DECL void check_assembly_dir(const std::string& dir, const settings& config) {
  detail::assembled_folder at(os::absolute_path(dir));
  detail::refuse_place(at, config);
  if (at.open()) static_cast<void>(at.read_manifest());
}

HUBCACHE_DECL assembly_report assemble(const assembly& what, const settings& config, const link_ref& links,
                                       const hash_set_ref& hashes, index_ref index,
                                       const std::stop_token& stop) {
  detail::check_assembly(what);
  return detail::assembler(what, config, links, hashes, index, stop).run();
}

}  // namespace hubcache::inline v0_1
