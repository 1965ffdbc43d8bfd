#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Contents that are locked and looked at together. Each takes two descriptors.
inline constexpr std::size_t removal_batch = 64;
inline constexpr int deepest_removal = 256;

/// Removes from one repo's folder.
class repo_remover {
 public:
  repo_remover(const os::folder& hub, const std::string& cache_dir, const repo_removal& what,
               const std::string& state_dir, index_ref index, removal_report& report)
      : hub_(hub),
        cache_dir_(cache_dir),
        folder_(os::last_segment(what.path)),
        what_(what),
        state_dir_(state_dir),
        book_(state_dir),
        index_(index),
        report_(report) {}

  void run(const std::stop_token& stop) {
    std::error_code ec;
    const auto lease = book_.try_lease(cache_dir_, folder_, os::lock_mode::exclusive, ec);
    if (!lease && !ec) return keep(what_.label + " is in use by another process.");
    root_ = hub_.child(folder_, ec);  // without a lease, too: content locks and second looks still guard
    if (ec) return failed(what_.path, ec);
    const auto stuck = remove_refs();
    for (const auto& revision : what_.revisions) {
      if (!stuck.contains(revision.commit)) remove_revision(revision.commit);
    }
    remove_blobs(stop);
    if (what_.whole && undisturbed_ && !stop.stop_requested()) remove_rest();
  }

 private:
  using entry_type = os::folder_entry::type;
  struct link {
    std::string folder;  ///< Absolute.
    std::string name;
  };
  using links_by_name = std::multimap<std::string, link>;
  /// The right to remove files of one etag.
  struct hold {
    std::optional<content_lock> content;
    std::optional<os::file_lock> hub;  ///< Alone for etags that are no digests.
  };

  void keep(std::string text) {
    undisturbed_ = false;
    report_.kept.push_back(std::move(text));
  }
  void failed(const std::string& path, const std::error_code& ec) {
    if (ec == std::errc::no_such_file_or_directory) return;  // somebody else removed it
    undisturbed_ = false;
    report_.failures.emplace_back(path, "cannot be removed: " + ec.message());
  }

  /// Removes `name` in `at` with all below it; false if something is left.
  bool remove_tree(const os::folder& at, const std::string& name, const std::string& path,
                   int levels = deepest_removal) {
    std::error_code ec;
    const auto kind = at.status(name, ec);
    if (ec == std::errc::no_such_file_or_directory) return true;
    if (!ec && !kind.directory) {
      at.remove(name, ec);
    } else if (!ec && levels == 0) {
      ec = std::make_error_code(std::errc::filename_too_long);
    } else if (!ec) {
      const auto below = at.child(name, ec);
      const auto entries = ec ? std::vector<os::folder_entry>() : below.entries(ec);
      bool clear = true;
      for (const auto& entry : entries) {
        clear = remove_tree(below, entry.name, path + "/" + entry.name, levels - 1) && clear;
      }
      if (!clear) return false;
      if (!ec) at.remove_folder(name, ec);
    }
    if (ec) failed(path, ec);
    return !ec;
  }

  /// Removes `name` below the repo's `folder`, and that if it is empty then.
  void remove_record(const std::string& folder, const std::string& name) {
    std::error_code ec;
    const auto at = root_.child(folder, ec);
    if (ec) return failed(what_.path + "/" + folder, ec);
    remove_tree(at, name, what_.path + "/" + folder + "/" + name);
    root_.remove_folder(folder, ec);  // fails if something else is in it
  }

  /// Removes whatever below refs/ names a commit that goes: also a temporary ref of another client.
  /// @return commits that are still named
  std::set<std::string> remove_refs() {
    std::set<std::string> commits;
    for (const auto& revision : what_.revisions) commits.insert(revision.commit);
    std::set<std::string> stuck;
    std::error_code ec;
    const auto refs = root_.child("refs", ec);
    if (ec == std::errc::no_such_file_or_directory || commits.empty()) return stuck;
    if (!ec) remove_refs_in(refs, what_.path + "/refs", commits, stuck, deepest_removal, ec);
    if (!ec) return stuck;
    failed(what_.path + "/refs", ec);
    return commits;  // who knows what names them
  }

  /// @param ec set if something in `at` could not be read
  void remove_refs_in(const os::folder& at, const std::string& path, const std::set<std::string>& commits,
                      std::set<std::string>& stuck, int levels, std::error_code& ec) {
    for (const auto& entry : at.entries(ec)) {
      const auto below = path + "/" + entry.name;
      std::error_code here;
      if (entry.kind == entry_type::folder && levels > 0) {
        const auto folder = at.child(entry.name, here);
        if (!here) remove_refs_in(folder, below, commits, stuck, levels - 1, here);
        std::error_code in_use;
        at.remove_folder(entry.name, in_use);
      } else if (entry.kind == entry_type::file) {
        auto text = os::read_text(below, 4096, here);
        if (here == std::errc::file_too_large) here.clear();  // no ref
        text.erase(text.find_last_not_of(" \r\n") + 1);
        if (!here && commits.contains(text)) remove_ref(at, entry.name, below, text, stuck);
      }
      if (here && here != std::errc::no_such_file_or_directory) ec = here;
    }
  }

  void remove_ref(const os::folder& at, const std::string& name, const std::string& path,
                  const std::string& commit, std::set<std::string>& stuck) {
    std::error_code ec;
    at.remove(name, ec);
    if (!ec) return;
    failed(path, ec);
    stuck.insert(commit);
  }

  void remove_revision(const std::string& commit) {
    const auto path = what_.path + "/snapshots";
    std::error_code ec;
    const auto snapshots = root_.child("snapshots", ec);
    if (ec) return failed(path, ec);
    if (!remove_tree(snapshots, commit, path + "/" + commit)) return;
    ++report_.revisions;
    remove_record("trees", commit + ".json");
    remove_record(".no_exist", commit);
    book_.forget_use(cache_dir_, folder_, commit);
  }

  void remove_blobs(const std::stop_token& stop) {
    std::error_code ec;
    blobs_ = root_.child("blobs", ec);
    if (ec) return failed(what_.path + "/blobs", ec);
    // By etag: a lock is for all files of it.
    std::map<std::string, std::set<std::string>> names;
    const auto add = [&names](const std::string& name) {
      names[name.substr(0, name.find('.'))].insert(name);
    };
    for (const auto* list : {&what_.blobs, &what_.partials}) std::for_each(list->begin(), list->end(), add);
    if (what_.whole) {
      for (const auto& entry : blobs_.entries(ec)) {
        if (entry.kind != entry_type::folder) add(entry.name);
      }
    }
    std::set<std::string> all;
    for (const auto& [etag, files] : names) all.insert(files.begin(), files.end());
    // hubcache itself makes symlinks between blobs/ only, and those are looked for under the locks.
    entry_links_ = links_to(all, "snapshots");
    for (auto at = names.begin(); at != names.end() && !stop.stop_requested();) {
      std::map<std::string, hold> held;
      std::vector<std::string> files;
      for (; at != names.end() && held.size() < removal_batch; ++at) {
        if (auto lock = try_hold(at->first)) {
          held.emplace(at->first, std::move(*lock));
          files.insert(files.end(), at->second.begin(), at->second.end());
        }
      }
      remove_held(files);
    }
  }

  /// @return none, reported, if somebody moves content of this name now
  std::optional<hold> try_hold(const std::string& etag) {
    const auto hub = cache_dir_ + "/.locks/" + folder_ + "/" + etag + ".lock";
    hold result;
    std::error_code ec;
    if (const auto name = digest::parse(etag)) {
      result.content = content_lock::try_lock(state_dir_, *name, hub, ec);
      if (result.content) return result;
    } else {
      static_cast<void>(os::status(hub, ec));
      if (ec == std::errc::no_such_file_or_directory) return result;
      result.hub = os::file_lock::try_lock(hub, os::lock_mode::exclusive, ec);
      if (result.hub) return result;
    }
    const auto path = what_.path + "/blobs/" + etag;
    if (ec) {
      failed(path, ec);
    } else {
      keep(path + " is being downloaded or linked now.");
    }
    return std::nullopt;
  }

  /// Removes files whose locks are held. Only now nobody takes them into use any more: the last look.
  void remove_held(const std::vector<std::string>& files) {
    const auto used = names_in_snapshots();
    if (!used) return;
    const auto links = links_to({files.begin(), files.end()}, "blobs");
    for (const auto& name : files) {
      if (name.ends_with(".incomplete")) {
        remove_partial(name);
      } else if (used->contains(name)) {
        keep(what_.path + "/blobs/" + name + " is used by a snapshot.");
      } else {
        remove_blob(name, links);
      }
    }
  }

  /// The blobs that the snapshots on disk name; none, reported, if that cannot be known.
  std::optional<std::set<std::string>> names_in_snapshots() {
    std::set<std::string> names;
    std::error_code ec;
    const auto snapshots = root_.child("snapshots", ec);
    if (ec == std::errc::no_such_file_or_directory) return names;
    if (!ec) collect_names(snapshots, names, deepest_removal, ec);
    if (!ec) return names;
    failed(what_.path + "/snapshots", ec);
    return std::nullopt;
  }

  void collect_names(const os::folder& at, std::set<std::string>& names, int levels, std::error_code& ec) {
    for (const auto& entry : at.entries(ec)) {
      std::error_code here;
      if (entry.kind == entry_type::symlink) {
        names.insert(os::last_segment(at.read_link(entry.name, here)));
      } else if (entry.kind == entry_type::folder) {
        const auto below = at.child(entry.name, here);
        if (!here && levels == 0) here = std::make_error_code(std::errc::filename_too_long);
        if (!here) collect_names(below, names, levels - 1, here);
      }
      if (here && here != std::errc::no_such_file_or_directory) ec = here;
      if (ec) return;
    }
  }

  /// Files of other repos that are symlinks to one of these blobs, by its name. `where` is "blobs" or "snapshots".
  links_by_name links_to(const std::set<std::string>& names, const std::string& where) {
    links_by_name found;
    std::error_code ec;
    const auto own = std::filesystem::canonical(what_.path + "/blobs", ec).string() + "/";
    for (const auto& repo : hub_.entries(ec)) {
      if (repo.kind != entry_type::folder || repo.name == folder_) continue;
      const auto folder = hub_.child(repo.name, ec);
      const auto at = ec ? os::folder() : folder.child(where, ec);
      if (!ec) collect_links(at, repo.name + "/" + where, names, own, found, deepest_removal);
    }
    return found;
  }

  /// @param path of `at`, below the cache
  void collect_links(const os::folder& at, const std::string& path, const std::set<std::string>& names,
                     const std::string& own, links_by_name& found, int levels) {
    const auto repo = cache_dir_ + "/" + path.substr(0, path.find('/')) + "/";
    std::error_code ec;
    for (const auto& entry : at.entries(ec)) {
      if (entry.kind == entry_type::folder && levels > 0) {
        const auto below = at.child(entry.name, ec);
        if (!ec) collect_links(below, path + "/" + entry.name, names, own, found, levels - 1);
      }
      if (entry.kind != entry_type::symlink) continue;
      const auto target = at.read_link(entry.name, ec);
      const auto name = os::last_segment(target);
      if (ec || !names.contains(name)) continue;
      const auto folder = cache_dir_ + "/" + path;
      // An entry that leads to its own repo's blob is fine when that is.
      if (os::absolute_path(target.starts_with('/') ? target : folder + "/" + target).starts_with(repo))
        continue;
      const auto real = std::filesystem::canonical(folder + "/" + entry.name, ec).string();
      if (!ec && real == own + name) found.emplace(name, link{folder, entry.name});
    }
  }

  void remove_partial(const std::string& name) {
    const auto path = what_.path + "/blobs/" + name;
    std::error_code ec;
    const auto file = os::open_read(path, ec);
    if (!ec && os::try_lock(file, path, os::lock_mode::exclusive, ec) == os::lock_outcome::held && !ec)
      return keep(path + " is being downloaded now.");
    blobs_.remove(name, ec);
    if (ec) return failed(path, ec);
    ++report_.partials;
  }

  void remove_blob(const std::string& name, const links_by_name& links) {
    const auto path = what_.path + "/blobs/" + name;
    std::error_code ec;
    const auto file = os::open_read(path, ec);  // of a symlink: none
    const auto before = ec ? os::file_identity{} : os::status(file, ec).identity;
    std::vector<std::string> users;
    for (const links_by_name& some : {std::cref(links), std::cref(entry_links_)}) {
      for (auto [at, end] = some.equal_range(name); at != end; ++at) {
        if (!hand_over(name, at->second)) return;
        users.push_back(at->second.folder + "/" + at->second.name);
      }
    }
    blobs_.remove(name, ec);
    if (ec) return failed(path, ec);
    ++report_.blobs;
    if (const auto parsed = digest::parse(name)) tell_index(*parsed, path, file, before, users);
  }

  /// Makes `user`, a symlink to the blob `name`, a hard link to it.
  bool hand_over(const std::string& name, const link& user) {
    const auto temporary = user.name + "." + os::random_hex(8) + ".incomplete";
    std::error_code ec;
    const auto folder = os::folder::open_below(cache_dir_, user.folder, ec);
    if (!ec) blobs_.hard_link(name, folder, temporary, ec);
    if (!ec) {
      folder.take(user.folder + "/" + temporary, user.name, ec);
      std::error_code ignored;
      if (ec) folder.remove(temporary, ignored);
    }
    if (!ec) return true;
    undisturbed_ = false;
    report_.failures.emplace_back(what_.path + "/blobs/" + name,
                                  "stays: " + user.folder + "/" + user.name +
                                      " is a symlink to it and cannot be made a file: " + ec.message());
    return false;
  }

  /// Drops the place, and keeps what is known of the inode's other names right: their ctime moved.
  void tell_index(const digest& name, const std::string& path, const os::descriptor& file,
                  const os::file_identity& before, const std::vector<std::string>& users) {
    std::error_code ec;
    const auto now = file ? os::status(file, ec).identity : os::file_identity{};
    const bool same = file && !ec && now.size == before.size && now.mtime_ns == before.mtime_ns;
    std::vector<index_record> renewed;
    for (auto& place : index_.find(name)) {
      if (!same || place.identity != before) continue;
      place.identity = now;
      if (place.path != path) {
        renewed.emplace_back(name, place);
        continue;
      }
      for (const auto& user : users) {
        place.path = user;
        renewed.emplace_back(name, place);
      }
    }
    index_.forget(name, path);
    if (!renewed.empty()) index_.insert(renewed);
  }

  /// Removes what is left of a repo without revisions; snapshots/ last, as scans complain of a repo without it.
  void remove_rest() {
    std::error_code ec;
    const auto snapshots = root_.child("snapshots", ec);
    if (!ec && !snapshots.entries(ec).empty())
      return keep(what_.path + " stays: a revision was added to it.");
    for (const auto& entry : root_.entries(ec)) {
      if (entry.name != "snapshots") remove_tree(root_, entry.name, what_.path + "/" + entry.name);
    }
    if (!undisturbed_) return;
    remove_tree(root_, "snapshots", what_.path + "/snapshots");
    hub_.remove_folder(folder_, ec);
    if (ec) return failed(what_.path, ec);
    ++report_.repos;
  }

  const os::folder& hub_;
  const std::string& cache_dir_;
  std::string folder_;
  const repo_removal& what_;
  const std::string& state_dir_;
  ledger book_;
  index_ref index_;
  removal_report& report_;
  os::folder root_;
  os::folder blobs_;
  links_by_name entry_links_;  // entries of other repos' snapshots
  bool undisturbed_ = true;    // nothing was kept, nothing failed
};

}  // namespace detail

HUBCACHE_DECL removal_report carry_out(const removal& what, const std::string& state_dir, index_ref index,
                                       const std::stop_token& stop) {
  removal_report report;
  if (what.empty()) return report;
  std::error_code ec;
  const auto hub = os::folder::open(what.cache_dir, ec);
  if (ec) {
    report.failures.emplace_back(what.cache_dir, "cannot be opened: " + ec.message());
    return report;
  }
  os::sync_file_system(what.cache_dir, ec);  // else what others wrote would count against us
  report.free_before = os::free_bytes(what.cache_dir, ec);
  for (const auto& repo : what.repos) {
    if (stop.stop_requested()) break;
    detail::repo_remover(hub, what.cache_dir, repo, state_dir, index, report).run(stop);
  }
  os::sync_file_system(what.cache_dir, ec);
  report.free_after = os::free_bytes(what.cache_dir, ec);
  return report;
}

}  // namespace hubcache::inline v0_1
