#pragma once

#include <hubcache/error.hpp>
#include <hubcache/impl/removal_links.ipp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
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
  repo_remover(const os::folder& hub, const removal& all, const repo_removal& what,
               const std::string& state_dir, index_ref index, removal_report& report)
      : hub_(hub),
        cache_dir_(all.cache_dir),
        planned_ns_(all.planned_ns),
        folder_(os::last_segment(what.path)),
        what_(what),
        state_dir_(state_dir),
        book_(state_dir),
        index_(index),
        report_(report) {}

  void run(const std::stop_token& stop) {
    remove(stop);
    if (gone_) removed_.assign(1, what_.label);
    std::move(removed_.begin(), removed_.end(), std::back_inserter(report_.removed));
  }

 private:
  using entry_type = os::folder_entry::type;
  struct found_ref {
    std::string name;
    std::string commit;
  };
  /// The right to remove files of one etag.
  struct hold {
    std::optional<content_lock> content;
    std::optional<os::file_lock> hub;  ///< Alone for etags that are no digests.
  };

  void remove(const std::stop_token& stop) {
    std::error_code ec;
    const auto lease = book_.try_lease(cache_dir_, folder_, os::lock_mode::exclusive, ec);
    if (!lease && !ec) return keep(what_.label + " is in use by another process.");
    // Without a lease, too: content locks and second looks still guard.
    if (!open_root() || !look_again() || !look_for_users()) return;
    for (const auto& commit : going_) {
      if (stop.stop_requested()) break;
      if (remove_refs(commit)) remove_revision(commit);
    }
    if (!stop.stop_requested()) remove_blobs(stop);
    if (stop.stop_requested()) {
      report_.stopped = true;
    } else if (what_.whole && undisturbed_) {
      remove_rest();
    }
  }

  void keep(std::string text) {
    undisturbed_ = false;
    report_.kept.push_back(std::move(text));
  }
  void failed(const std::string& path, const std::error_code& ec) {
    if (ec == std::errc::no_such_file_or_directory) return;  // somebody else removed it
    undisturbed_ = false;
    report_.failures.emplace_back(path, "cannot be removed: " + ec.message());
  }

  void failed(const std::string& path, std::string text) {
    undisturbed_ = false;
    report_.failures.emplace_back(path, std::move(text));
  }

  [[nodiscard]] bool is_symlinked() const { return what_.real_path != what_.path; }

  bool open_root() {
    std::error_code ec;
    root_ = is_symlinked() ? os::folder::open(what_.path, ec) : hub_.child(folder_, ec);
    const auto now = ec ? os::file_identity() : root_.status(".", ec).identity;
    if (ec) {
      failed(what_.path, ec);
      return false;
    }
    if (!is_symlinked() || (now.device == what_.device && now.inode == what_.inode)) return true;
    failed(what_.path, "stays: it leads to another folder than before.");
    return false;
  }

  /// Chooses the revisions that go: those that did not come into use since the plan. @return whether to go on
  bool look_again() {
    auto refs = what_.revisions.empty() ? std::vector<found_ref>() : read_refs();
    if (!refs) return true;  // who knows what they name
    refs_ = std::move(*refs);
    try {
      for (auto& one : book_.pins(cache_dir_).pins) {
        if (one.repo == what_.label) pins_.push_back(std::move(one));
      }
    } catch (const error& unknown) {
      failed(what_.path, std::string("stays: ") + unknown.what());
      return false;
    }
    for (const auto& revision : what_.revisions) {
      std::error_code ec;
      const auto reason = reason_to_stay(revision, ec);
      if (ec) {
        failed(what_.path + "/snapshots/" + revision.commit, ec);
      } else if (!reason.empty()) {
        keep(what_.label + "@" + revision.commit + " stays: " + reason + ".");
      } else {
        going_.insert(revision.commit);
      }
    }
    const bool pinned =
        std::any_of(pins_.begin(), pins_.end(), [](const pin& one) { return one.revision.empty(); });
    if (pinned && what_.revisions.empty() && what_.whole) keep(what_.label + " stays: it is pinned now.");
    return true;
  }

  /// @return empty if nothing is against its going
  [[nodiscard]] std::string reason_to_stay(const removed_revision& revision, std::error_code& ec) const {
    const auto names_it = [&](const found_ref& ref) { return ref.commit == revision.commit; };
    for (const auto& ref : refs_) {
      const bool known =
          std::find(revision.refs.begin(), revision.refs.end(), ref.name) != revision.refs.end();
      if (names_it(ref) && !known && !is_temporary_ref(os::last_segment(ref.name)))
        return "the ref " + ref.name + " names it now";
    }
    for (const auto& one : pins_) {
      const bool by_ref = std::any_of(refs_.begin(), refs_.end(), [&](const found_ref& ref) {
        return names_it(ref) && ref.name == one.revision;
      });
      if (by_ref || one.revision.empty() || one.revision == revision.commit) return "it is pinned now";
    }
    if (book_.last_use(cache_dir_, folder_, revision.commit).value_or(planned_ns_) > planned_ns_)
      return "it was used meanwhile";
    const auto snapshots = root_.child("snapshots", ec);
    const auto at = ec ? os::folder() : snapshots.child(revision.commit, ec);
    const auto edited = ec ? std::string() : edited_file(at, "", revision.plain_files, deepest_removal, ec);
    if (ec == std::errc::no_such_file_or_directory) ec.clear();
    return edited.empty() ? edited : edited + " in it was edited meanwhile";
  }

  /// A file below `at` that `hubcache edit`, or whoever replaced a link by a file, made since; empty if there is none.
  [[nodiscard]] static std::string edited_file(const os::folder& at, const std::string& prefix,
                                               const std::vector<std::string>& known, int levels,
                                               std::error_code& ec) {
    if (levels == 0) ec = std::make_error_code(std::errc::filename_too_long);
    const auto entries = ec ? std::vector<os::folder_entry>() : at.entries(ec);
    for (const auto& entry : entries) {
      const auto path = prefix + entry.name;
      if (entry.kind == entry_type::folder) {
        const auto below = at.child(entry.name, ec);
        auto found = ec ? std::string() : edited_file(below, path + "/", known, levels - 1, ec);
        if (!found.empty()) return found;
      } else if (entry.kind == entry_type::file) {
        const auto file = at.status(entry.name, ec);
        const bool own = file.regular && file.links == 1 && (file.mode & 0200U) != 0;
        if (own && !std::binary_search(known.begin(), known.end(), path)) return path;
      }
      if (ec == std::errc::no_such_file_or_directory) ec.clear();
      if (ec) return {};
    }
    return {};
  }

  /// All refs, temporary ones of other clients too; none, reported, if one of them cannot be known.
  std::optional<std::vector<found_ref>> read_refs() {
    std::vector<found_ref> found;
    std::error_code ec;
    const auto refs = root_.child("refs", ec);
    std::string failed_at = "refs";
    if (!ec) read_refs_in(refs, "", deepest_removal, found, failed_at, ec);
    if (!ec || ec == std::errc::no_such_file_or_directory) return found;
    failed(what_.path + "/" + failed_at,
           "is no ref that can be read, so what it names is not known; the repo's revisions stay: " +
               ec.message());
    return std::nullopt;
  }

  void read_refs_in(const os::folder& at, const std::string& prefix, int levels,
                    std::vector<found_ref>& found, std::string& failed_at, std::error_code& ec) {
    for (const auto& entry : at.entries(ec)) {
      const auto name = prefix + entry.name;
      if (entry.kind == entry_type::folder && levels > 0) {
        const auto folder = at.child(entry.name, ec);
        if (!ec) read_refs_in(folder, name + "/", levels - 1, found, failed_at, ec);
      } else if (entry.kind == entry_type::file) {
        auto text = os::read_text(what_.path + "/refs/" + name, 4096, ec);
        if (ec == std::errc::file_too_large) ec.clear();  // no ref
        text.erase(text.find_last_not_of(" \r\n") + 1);
        if (!ec) found.push_back({name, std::move(text)});
      } else {
        ec = std::make_error_code(std::errc::invalid_argument);
      }
      if (ec == std::errc::no_such_file_or_directory) ec.clear();
      if (!ec) continue;
      if (failed_at == "refs") failed_at = "refs/" + name;
      return;
    }
  }

  /// Lists the blobs and partials that go, and looks who links to them, before anything is removed.
  bool look_for_users() {
    std::error_code ec;
    blobs_ = root_.child("blobs", ec);
    if (ec) failed(what_.path + "/blobs", ec);
    if (ec) return ec == std::errc::no_such_file_or_directory;
    const auto add = [this](const std::string& name) { names_[name.substr(0, name.find('.'))].insert(name); };
    for (const auto* list : {&what_.blobs, &what_.partials}) std::for_each(list->begin(), list->end(), add);
    if (what_.whole && undisturbed_) {
      for (const auto& entry : blobs_.entries(ec)) {
        if (entry.kind != entry_type::folder) add(entry.name);
      }
    }
    std::set<std::string> all;
    for (const auto& [etag, files] : names_) all.insert(files.begin(), files.end());
    // hubcache itself makes symlinks between blobs/ only, and those are looked for again under the locks.
    auto entries = users_of(all, "snapshots");
    if (!entries || !users_of(all, "blobs")) return false;
    entry_users_ = std::move(*entries);
    return true;
  }

  /// None, reported, if that cannot be known.
  std::optional<users_by_blob> users_of(const std::set<std::string>& names, const std::string& where) {
    blob_user_search search(hub_, cache_dir_, folder_, names);
    std::error_code ec;
    auto found = search.run(where, ec);
    if (!ec) return found;
    failed(search.failed_at(), "may link to blobs of " + what_.label + ", which stay: " + ec.message());
    return std::nullopt;
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

  /// Removes whatever below refs/ names `commit`. @return whether nothing does any more
  bool remove_refs(const std::string& commit) {
    bool clear = true;
    for (const auto& ref : refs_) {
      if (ref.commit != commit) continue;
      std::error_code ec;
      remove_below(root_, "refs/" + ref.name, ec);
      if (ec) failed(what_.path + "/refs/" + ref.name, ec);
      clear = clear && !ec;
    }
    return clear;
  }

  /// Removes the file `path` below `at`, and its folders there but the first if they are empty then.
  static void remove_below(const os::folder& at, const std::string& path, std::error_code& ec) {
    const auto slash = path.find('/');
    if (slash == path.npos) return at.remove(path, ec);
    const auto below = at.child(path.substr(0, slash), ec);
    const auto rest = path.substr(slash + 1);
    if (!ec) remove_below(below, rest, ec);
    std::error_code in_use;
    const auto next = rest.find('/');
    if (!ec && next != rest.npos) below.remove_folder(rest.substr(0, next), in_use);
  }

  void remove_revision(const std::string& commit) {
    const auto path = what_.path + "/snapshots";
    std::error_code ec;
    const auto snapshots = root_.child("snapshots", ec);
    if (ec) return failed(path, ec);
    if (!remove_tree(snapshots, commit, path + "/" + commit)) return;
    ++report_.revisions;
    removed_.push_back(what_.label + "@" + commit);
    remove_record("trees", commit + ".json");
    remove_record(".no_exist", commit);
    book_.forget_use(cache_dir_, folder_, commit);
  }

  void remove_blobs(const std::stop_token& stop) {
    for (auto at = names_.begin(); at != names_.end() && !stop.stop_requested();) {
      std::map<std::string, hold> held;
      std::vector<std::string> files;
      for (; at != names_.end() && held.size() < removal_batch; ++at) {
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
    const auto users = users_of({files.begin(), files.end()}, "blobs");
    if (!users) return;
    for (const auto& name : files) {
      if (name.ends_with(".incomplete")) {
        remove_partial(name);
      } else if (used->contains(name)) {
        // What a revision uses that stays is told with that.
        if (going_.size() == what_.revisions.size())
          keep(what_.path + "/blobs/" + name + " is used by a snapshot.");
      } else {
        remove_blob(name, *users);
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
    failed(what_.path + "/snapshots", "cannot be read wholly, so its blobs stay: " + ec.message());
    return std::nullopt;
  }

  void collect_names(const os::folder& at, std::set<std::string>& names, int levels, std::error_code& ec) {
    for (const auto& entry : at.entries(ec)) {
      std::error_code here;
      if (entry.kind == entry_type::symlink) {
        names.insert(os::last_segment(at.read_link(entry.name, here)));
        // What a folder behind a symlink uses is not known.
        const auto shown = here ? os::file_status() : at.status(entry.name, here, true);
        if (leads_nowhere(here)) here.clear();
        if (shown.directory) here = std::make_error_code(std::errc::too_many_symbolic_link_levels);
      } else if (entry.kind == entry_type::folder) {
        const auto below = at.child(entry.name, here);
        if (!here && levels == 0) here = std::make_error_code(std::errc::filename_too_long);
        if (!here) collect_names(below, names, levels - 1, here);
      }
      if (here && here != std::errc::no_such_file_or_directory) ec = here;
      if (ec) return;
    }
  }

  [[nodiscard]] bool changed_lately(const os::descriptor& file) const {
    constexpr std::int64_t day_ns = std::int64_t{24} * 3600 * 1'000'000'000;
    std::error_code ec;
    return os::status(file, ec).identity.mtime_ns > planned_ns_ - day_ns;
  }

  void remove_partial(const std::string& name) {
    const auto path = what_.path + "/blobs/" + name;
    std::error_code ec;
    const auto file = os::open_read(path, ec);
    const auto lock = ec ? os::lock_outcome::gone : os::try_lock(file, path, os::lock_mode::exclusive, ec);
    if (lock == os::lock_outcome::held && !ec) return keep(path + " is being downloaded now.");
    if (lock == os::lock_outcome::unsupported && changed_lately(file))
      return keep(path + " may be being downloaded: its file system has no locks that would tell.");
    blobs_.remove(name, ec);
    if (ec) return failed(path, ec);
    ++report_.partials;
  }

  void remove_blob(const std::string& name, const users_by_blob& links) {
    const auto path = what_.path + "/blobs/" + name;
    std::error_code ec;
    const auto file = os::open_read(path, ec);  // of a symlink: none
    const auto before = ec ? os::file_identity{} : os::status(file, ec).identity;
    std::vector<std::string> users;
    for (const users_by_blob& some : {std::cref(links), std::cref(entry_users_)}) {
      for (auto [at, end] = some.equal_range(name); at != end; ++at) {
        if (!hand_over(name, at->second)) return;
        users.push_back(at->second.path());
      }
    }
    blobs_.remove(name, ec);
    if (ec) return failed(path, ec);
    ++report_.blobs;
    if (const auto parsed = digest::parse(name)) tell_index(*parsed, path, file, before, users);
  }

  /// Makes `user`, a symlink to the blob `name`, a hard link to it, or if that is a symlink, one to where it leads.
  bool hand_over(const std::string& name, const blob_user& user) {
    std::error_code ec;
    const auto folder = user.open_folder(ec);
    const auto now = ec ? os::file_status() : folder.status(user.name, ec);
    if (!ec && !now.symlink) return true;  // no longer
    const bool linked = !ec && blobs_.status(name, ec).symlink;
    if (!ec && linked) {
      const auto target = std::filesystem::canonical(what_.path + "/blobs/" + name, ec).string();
      if (leads_nowhere(ec)) return true;  // so does the user
      if (!ec) folder.replace_symlink(target, user.name, ec);
    } else if (!ec) {
      const auto temporary = user.name + "." + os::random_hex(8) + ".incomplete";
      blobs_.hard_link(name, folder, temporary, ec);
      if (!ec) folder.take(user.base + user.below + "/" + temporary, user.name, ec);
      std::error_code ignored;
      if (ec) folder.remove(temporary, ignored);
    }
    if (!ec) return true;
    if (ec == std::errc::no_such_file_or_directory) return true;  // one of both is gone
    failed(what_.path + "/blobs/" + name,
           "stays: " + user.path() + " is a symlink to it and cannot be given the file: " + ec.message());
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
    const auto entries = ec ? std::vector<os::folder_entry>() : snapshots.entries(ec);
    if (ec && ec != std::errc::no_such_file_or_directory) return failed(what_.path + "/snapshots", ec);
    const bool added = std::any_of(entries.begin(), entries.end(), [](const os::folder_entry& entry) {
      return entry.kind == entry_type::folder || entry.kind == entry_type::symlink;
    });
    if (added) return keep(what_.path + " stays: a revision was added to it.");
    for (const auto& entry : root_.entries(ec)) {
      if (entry.name != "snapshots" && goes_along(entry.name))
        remove_tree(root_, entry.name, what_.path + "/" + entry.name);
    }
    if (!undisturbed_) return;
    remove_tree(root_, "snapshots", what_.path + "/snapshots");
    remove_folder();
  }

  /// Outside of the cache only what makes a repo.
  [[nodiscard]] bool goes_along(const std::string& name) const {
    return !is_symlinked() || name == "blobs" || name == "refs" || name == "trees" || name == ".no_exist" ||
           is_ignored_name(name);
  }

  void remove_folder() {
    std::error_code ec;
    if (is_symlinked()) {
      std::filesystem::remove(what_.real_path,
                              ec);  // but not where others' files, a mount or rights forbid it
      if (ec == std::errc::directory_not_empty) keep(what_.real_path + " stays: it holds other files.");
      hub_.remove(folder_, ec);
    } else {
      hub_.remove_folder(folder_, ec);
    }
    if (ec) return failed(what_.path, ec);
    gone_ = true;
    ++report_.repos;
  }

  const os::folder& hub_;
  const std::string& cache_dir_;
  std::int64_t planned_ns_;
  std::string folder_;
  const repo_removal& what_;
  const std::string& state_dir_;
  ledger book_;
  index_ref index_;
  removal_report& report_;
  os::folder root_;
  os::folder blobs_;
  std::vector<found_ref> refs_;
  std::vector<pin> pins_;                               // of this repo
  std::set<std::string> going_;                         // commits
  std::map<std::string, std::set<std::string>> names_;  // that go, by etag: a lock is for all files of it
  users_by_blob entry_users_;                           // entries of other repos' snapshots
  std::vector<std::string> removed_;
  bool undisturbed_ = true;  // nothing was kept, nothing failed
  bool gone_ = false;        // the folder
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
    if (stop.stop_requested()) {
      report.stopped = true;
      break;
    }
    detail::repo_remover(hub, what, repo, state_dir, index, report).run(stop);
  }
  os::sync_file_system(what.cache_dir, ec);
  report.free_after = os::free_bytes(what.cache_dir, ec);
  return report;
}

}  // namespace hubcache::inline v0_1
