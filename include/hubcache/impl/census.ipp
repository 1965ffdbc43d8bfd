#pragma once

#include <hubcache/impl/for_each.ipp>
#include <hubcache/impl/hub_layout.ipp>
#include <hubcache/impl/os_folder.ipp>
#include <hubcache/upkeep/census.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Names that huggingface_hub ignores in a cache's root, and file managers leave anywhere.
HUBCACHE_DECL bool is_ignored_name(std::string_view name) noexcept {
  return name == ".locks" || name == "CACHEDIR.TAG" || name == ".DS_Store" || name == "Thumbs.db" ||
         name == "desktop.ini";
}

/// "main.0f1e2d3c.tmp": a ref on its way to its name.
HUBCACHE_DECL bool is_temporary_ref(std::string_view name) noexcept {
  constexpr std::size_t tail = 13;  // ".xxxxxxxx.tmp"
  if (name.size() <= tail || !name.ends_with(".tmp")) return false;
  name.remove_prefix(name.size() - tail);
  return name.front() == '.' && name.find_first_not_of("0123456789abcdef", 1) == tail - 4;
}

/// `target` seen from `folder`, ".." resolved by name.
HUBCACHE_DECL std::string resolved_by_name(const std::string& folder, const std::string& target) {
  return os::absolute_path(target.starts_with('/') ? target : folder + "/" + target);
}

/// The blob that an entry's link names in the form that every client writes (hub_layout::entry_target), `depth`
/// folders below the snapshot; empty if it has another.
HUBCACHE_DECL std::string_view plain_target(std::string_view target, std::ptrdiff_t depth) noexcept {
  for (depth += 2; depth > 0; --depth) {
    if (!target.starts_with("../")) return {};
    target.remove_prefix(3);
  }
  if (!target.starts_with("blobs/")) return {};
  target.remove_prefix(6);
  return target.find('/') == target.npos && target != "." && target != ".." ? target : std::string_view();
}

/// Looks at one repo's folder.
class repo_census {
 public:
  repo_census(census_repo& repo, std::vector<census_problem>& problems, const std::stop_token& stop)
      : repo_(repo), problems_(problems), stop_(stop) {}

  void take() {
    std::error_code ec;
    const auto root = os::folder::open(repo_.path, ec);
    if (ec) return missing(repo_.path, ec);
    look_at_blobs(root);
    look_at_snapshots(root);
    look_at_refs(root);
    sort_contents();
  }

 private:
  using entry_type = os::folder_entry::type;
  static constexpr int deepest = 64;  // folders in folders, each open while it is looked at

  void problem(const std::string& path, std::string text) { problems_.emplace_back(path, std::move(text)); }
  void unreadable(const std::string& path, std::string text) {
    problems_.emplace_back(path, std::move(text), true);
  }
  /// What is gone by now was deleted beside us, which is no problem.
  void missing(const std::string& path, const std::error_code& ec) {
    if (ec == std::errc::no_such_file_or_directory) return;
    if (ec == std::errc::not_a_directory || ec == std::errc::too_many_symbolic_link_levels)
      return unreadable(path, "is a symlink or a file where a folder should be; it was not looked into");
    unreadable(path, "cannot be read: " + ec.message());
  }

  [[nodiscard]] std::vector<os::folder_entry> entries_of(const os::folder& at, const std::string& path) {
    std::error_code ec;
    auto result = at.entries(ec);
    if (ec) missing(path, ec);
    std::sort(result.begin(), result.end(),
              [](const os::folder_entry& a, const os::folder_entry& b) { return a.name < b.name; });
    return result;
  }

  void look_at_blobs(const os::folder& root) {
    const auto path = repo_.path + "/blobs";
    std::error_code ec;
    const auto at = root.child("blobs", ec);
    if (ec) return missing(path, ec);
    for (auto& entry : entries_of(at, path)) {
      if (stop_.stop_requested()) return;
      look_at_blob(at, path, entry);
    }
    blobs_ = repo_.contents.size();
  }

  void look_at_blob(const os::folder& at, const std::string& folder, os::folder_entry& entry) {
    auto path = folder + "/" + entry.name;
    std::error_code ec;
    const auto s = at.status(entry.name, ec, entry.kind == entry_type::symlink);
    if (entry.kind == entry_type::symlink && ec) {
      return problem(path, ec == std::errc::no_such_file_or_directory
                               ? "is a symlink to a file that is missing"
                               : "is a symlink that leads nowhere: " + ec.message());
    }
    if (ec) return missing(path, ec);
    if (!s.regular) return problem(path, "is no regular file");
    if (entry.name.ends_with(".incomplete")) {
      auto& found = repo_.partials.emplace_back();
      found.path = std::move(path);
      found.status = s;
      return;
    }
    auto& found = repo_.contents.emplace_back();
    found.payload = entry.kind == entry_type::symlink ? payload_of(at, folder, entry.name, s) : path;
    found.path = std::move(path);
    found.name = std::move(entry.name);
    found.status = s;
  }

  /// Where the symlink `name` leads, by name if that is the file it leads to, so that the paths of a cache that is
  /// reached through a symlink stay in it.
  [[nodiscard]] static std::string payload_of(const os::folder& at, const std::string& folder,
                                              const std::string& name, const os::file_status& s) {
    std::error_code ec;
    auto by_name = resolved_by_name(folder, at.read_link(name, ec));
    if (!ec && os::status(by_name, ec).identity == s.identity) return by_name;
    const auto real = std::filesystem::canonical(folder + "/" + name, ec);
    return ec ? by_name : real.string();
  }

  void look_at_snapshots(const os::folder& root) {
    const auto path = repo_.path + "/snapshots";
    std::error_code ec;
    const auto at = root.child("snapshots", ec);
    if (ec == std::errc::no_such_file_or_directory)
      return problem(repo_.path, "Snapshots dir doesn't exist in cached repo");
    has_snapshots_ = true;
    if (ec) return missing(path, ec);
    for (auto& entry : entries_of(at, path)) {
      if (stop_.stop_requested()) return;
      if (entry.kind == entry_type::folder) {
        look_at_revision(at, path, entry.name);
      } else if (entry.kind == entry_type::symlink && may_hide(at, entry.name)) {
        unreadable(path + "/" + entry.name, "is a symlink where a folder should be; it was not looked into");
      } else if (!is_ignored_name(entry.name)) {
        problem(path + "/" + entry.name, "Snapshots folder corrupted. Found a file");
      }
    }
  }

  /// Whether the symlink `name` leads to a folder, or where it leads is not known.
  [[nodiscard]] static bool may_hide(const os::folder& at, const std::string& name) {
    std::error_code ec;
    const auto target = at.status(name, ec, true);
    const bool nowhere = ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory ||
                         ec == std::errc::too_many_symbolic_link_levels;
    return ec ? !nowhere : target.directory;
  }

  void look_at_revision(const os::folder& at, const std::string& folder, const std::string& commit) {
    const auto path = folder + "/" + commit;
    std::error_code ec;
    const auto root = at.child(commit, ec);
    const auto own = ec ? os::file_status{} : at.status(commit, ec);
    if (ec) return missing(path, ec);
    auto& found = repo_.revisions.emplace_back();
    found.commit = commit;
    found.path = path;
    tree_.reset();
    tree_wanted_ = true;
    walk(root, found, "", deepest);
    std::sort(found.entries.begin(), found.entries.end(),
              [](const census_entry& a, const census_entry& b) { return a.path < b.path; });
    found.modified_ns = own.identity.mtime_ns;
    std::optional<std::int64_t> newest;
    for (const auto& entry : found.entries) {
      if (entry.content)
        newest = std::max(newest.value_or(0), repo_.contents[*entry.content].status.identity.mtime_ns);
    }
    if (newest) found.modified_ns = *newest;
  }

  /// @param prefix of the names in `at`, below the snapshot: empty, or with a '/' at its end.
  void walk(const os::folder& at, census_revision& into, const std::string& prefix, int levels) {
    for (const auto& entry : entries_of(at, into.path + "/" + prefix)) {
      if (stop_.stop_requested()) return;
      const auto name = prefix + entry.name;
      const auto path = into.path + "/" + name;
      switch (entry.kind) {
        case entry_type::folder: {
          std::error_code ec;
          const auto below = levels > 0 ? at.child(entry.name, ec) : os::folder();
          if (levels == 0) {
            unreadable(path, "lies too many folders deep; it was not looked into");
          } else if (ec) {
            missing(path, ec);
          } else {
            walk(below, into, name + "/", levels - 1);
          }
          break;
        }
        case entry_type::symlink:
          add_link(at, into, name, entry.name);
          break;
        case entry_type::file:
          add_file(at, into, name, entry.name);
          break;
        case entry_type::other:
          problem(path, "is no regular file");
      }
    }
  }

  void add_link(const os::folder& at, census_revision& into, const std::string& name,
                const std::string& last) {
    const auto path = into.path + "/" + name;
    std::error_code ec;
    const auto target = at.read_link(last, ec);
    if (ec) return missing(path, ec);
    auto& added = into.entries.emplace_back();
    added.path = name;
    const std::string plain(plain_target(target, std::count(name.begin(), name.end(), '/')));
    const auto blob = plain.empty() ? blob_named_by(target, path) : plain;
    if (blob) added.content = find_blob(*blob);
    if (added.content) return;
    if (!blob && may_hide(at, last))
      return unreadable(path, "is a symlink to a folder, or cannot be followed; it was not looked into");
    if (!blob) return problem(path, "is a symlink that leads out of the repo's blobs");
    problem(path, "Blob missing (broken symlink): " + repo_.path + "/blobs/" + *blob);
  }

  /// The name in blobs/ that the entry `path` with the text `target` leads to.
  [[nodiscard]] std::optional<std::string> blob_named_by(const std::string& target, const std::string& path) {
    const auto folder = repo_.path + "/blobs/";
    const auto parent = path.substr(0, path.rfind('/'));
    auto at = resolved_by_name(parent, target);
    if (!at.starts_with(folder)) {
      // Absolute, perhaps, and by another name of the cache.
      if (real_blobs_.empty()) {
        std::error_code ec;
        real_blobs_ = std::filesystem::canonical(folder, ec).string() + "/";
      }
      std::error_code ec;
      const auto slash = at.rfind('/');
      const auto real = std::filesystem::canonical(at.substr(0, slash), ec).string() + at.substr(slash);
      if (ec || !real.starts_with(real_blobs_)) return std::nullopt;
      at = folder + real.substr(real_blobs_.size());
    }
    auto name = at.substr(folder.size());
    if (name.empty() || name.find('/') != name.npos) return std::nullopt;
    return name;
  }

  [[nodiscard]] std::optional<std::size_t> find_blob(const std::string& name) const {
    const auto end = repo_.contents.begin() + static_cast<std::ptrdiff_t>(blobs_);
    const auto at =
        std::lower_bound(repo_.contents.begin(), end, name,
                         [](const census_content& c, const std::string& n) { return c.name < n; });
    if (at == end || at->name != name) return std::nullopt;
    return static_cast<std::size_t>(at - repo_.contents.begin());
  }

  void add_file(const os::folder& at, census_revision& into, const std::string& name,
                const std::string& last) {
    const auto path = into.path + "/" + name;
    std::error_code ec;
    const auto s = at.status(last, ec);
    if (ec) return missing(path, ec);
    if (!s.regular) return problem(path, "is no regular file");
    auto& added = into.entries.emplace_back();
    added.path = name;
    added.content = repo_.contents.size();
    auto& found = repo_.contents.emplace_back();
    found.name = name_in_tree(into.commit, name, s.identity.size);
    found.path = found.payload = path;
    found.status = s;
    found.blob = false;
  }

  /// What the recorded listing calls a file, unless its size says that it was edited since.
  [[nodiscard]] std::string name_in_tree(const std::string& commit, const std::string& name,
                                         std::uint64_t size) {
    if (std::exchange(tree_wanted_, false) && is_commit(commit))
      tree_ = read_tree(repo_.path + "/trees/" + commit + ".json", commit);
    const auto* const listed = tree_ ? tree_->find(name) : nullptr;
    if (listed == nullptr || listed->size != size) return {};
    const auto digest = listed->name();
    return digest ? digest->hex() : std::string();
  }

  void look_at_refs(const os::folder& root) {
    const auto path = repo_.path + "/refs";
    std::error_code ec;
    const auto at = root.child("refs", ec);
    if (ec == std::errc::not_a_directory)
      return unreadable(path, "Refs directory cannot be a file or a symlink");
    if (ec) return missing(path, ec);
    read_refs(at, "", deepest);
    std::string strays;
    for (const auto& [name, commit] : repo_.refs) {
      const auto found =
          std::lower_bound(repo_.revisions.begin(), repo_.revisions.end(), commit,
                           [](const census_revision& r, const std::string& c) { return r.commit < c; });
      if (found != repo_.revisions.end() && found->commit == commit) {
        found->refs.push_back(name);  // in the order of a map, which is sorted
      } else {
        strays.append(strays.empty() ? "" : ", ").append(name).append(" -> ").append(commit);
      }
    }
    if (!strays.empty() && has_snapshots_)
      problem(repo_.path, "Reference(s) refer to missing commit hashes: " + strays);
  }

  void read_refs(const os::folder& at, const std::string& prefix, int levels) {
    const auto folder = repo_.path + "/refs/" + prefix;
    for (const auto& entry : entries_of(at, folder)) {
      const auto path = folder + entry.name;
      std::error_code ec;
      if (entry.kind == entry_type::folder && levels > 0) {
        const auto below = at.child(entry.name, ec);
        if (ec) {
          missing(path, ec);
        } else {
          read_refs(below, prefix + entry.name + "/", levels - 1);
        }
      } else if (entry.kind != entry_type::file) {
        unreadable(path, "is no ref");
      } else if (!is_temporary_ref(entry.name) && !is_ignored_name(entry.name)) {
        read_one_ref(prefix + entry.name, path);
      }
    }
  }

  void read_one_ref(const std::string& name, const std::string& path) {
    std::error_code ec;
    auto text = os::read_text(path, 4096, ec);
    if (ec) return missing(path, ec);
    text.erase(text.find_last_not_of(" \r\n") + 1);
    if (!is_commit(text)) return problem(path, "does not name a commit");
    repo_.refs.emplace(name, std::move(text));
  }

  /// Plain files were added behind the blobs, revision by revision.
  void sort_contents() {
    auto& contents = repo_.contents;
    std::vector<std::size_t> order(contents.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return contents[a].path < contents[b].path; });
    std::vector<census_content> sorted(contents.size());
    std::vector<std::size_t> place(contents.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      sorted[i] = std::move(contents[order[i]]);
      place[order[i]] = i;
    }
    contents = std::move(sorted);
    for (auto& revision : repo_.revisions) {
      for (auto& entry : revision.entries) {
        if (entry.content) entry.content = place[*entry.content];
      }
    }
  }

  census_repo& repo_;
  std::vector<census_problem>& problems_;
  std::stop_token stop_;
  std::size_t blobs_ = 0;  // contents that are blobs; they come first, sorted
  bool has_snapshots_ = false;
  std::string real_blobs_;       // canonical, once it was needed
  std::optional<listing> tree_;  // of the revision that is walked
  bool tree_wanted_ = false;     // it was not read yet
};

/// The type and id that a folder's name in the cache's root stands for; false if it is no repo's name.
HUBCACHE_DECL bool name_repo(const std::string& folder, census_repo& into) {
  const auto dashes = folder.find("--");
  if (dashes == folder.npos || dashes + 2 == folder.size()) return false;
  const auto plural = folder.substr(0, dashes);
  if (plural != "models" && plural != "datasets" && plural != "spaces" && plural != "kernels") return false;
  into.type = plural.substr(0, plural.size() - 1);
  into.id = folder.substr(dashes + 2);
  for (auto at = into.id.find("--"); at != into.id.npos; at = into.id.find("--", at + 1))
    into.id.replace(at, 2, "/");
  return true;
}

/// Whether `entry` of the cache's root can be a repo's folder. A symlink may stand there: people move repos to other
/// disks. Another user's leads to what is not ours to count or to remove.
HUBCACHE_DECL bool is_folder_in_root(const os::folder& cache, const os::folder_entry& entry) {
  if (entry.kind != os::folder_entry::type::symlink) return entry.kind == os::folder_entry::type::folder;
  std::error_code ec;
  const auto link = cache.status(entry.name, ec);
  const auto root = ec ? os::file_status() : cache.status(".", ec);
  return !ec && os::is_trusted_link(link, root) && cache.status(entry.name, ec, true).directory;
}

/// What a stranger in the cache's root is, in the words of `hf cache ls`; empty if it is none.
HUBCACHE_DECL std::string stranger_in_root(const os::folder& cache, const os::folder_entry& entry) {
  if (is_ignored_name(entry.name)) return {};
  if (!is_folder_in_root(cache, entry)) return "Repo path is not a directory";
  if (entry.name == "blobs") {
    std::error_code ec;
    const auto shared = cache.child(entry.name, ec);
    if (!ec && shared.status(".huggingface-shared-blobs", ec).regular) return {};
  }
  return entry.name.find("--") == entry.name.npos
             ? "Repo path is not a valid HuggingFace cache directory"
             : "Repo type must be `dataset`, `model`, `space` or `kernel`";
}

/// Drops symlinked repos that are a second way to what is there already: it would count twice, and be removed by the
/// wrong name.
HUBCACHE_DECL void drop_aliases(census& seen) {
  std::error_code ec;
  const auto root = std::filesystem::canonical(seen.cache_dir, ec).string() + "/";
  std::set<std::pair<std::uint64_t, std::uint64_t>> folders;
  const auto add = [&folders](const census_repo& repo) {
    return folders.emplace(repo.status.identity.device, repo.status.identity.inode).second;
  };
  for (const auto& repo : seen.repos) {
    if (repo.real_path == repo.path) add(repo);
  }
  std::erase_if(seen.repos, [&](const census_repo& repo) {
    if (repo.real_path == repo.path) return false;
    const auto real = repo.real_path + "/";
    if (!real.starts_with(root) && !root.starts_with(real) && add(repo)) return false;
    seen.problems.emplace_back(repo.path,
                               "is a symlink to what the cache has by another name; it was not looked into");
    return true;
  });
}

}  // namespace detail

HUBCACHE_DECL census take_census(const std::string& cache_dir, workers& pool, const std::stop_token& stop) {
  census result;
  result.cache_dir = os::absolute_path(cache_dir);
  result.begun_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  std::error_code ec;
  const auto root = os::folder::open(result.cache_dir, ec);
  auto entries = ec ? std::vector<os::folder_entry>() : root.entries(ec);
  if (ec && ec != std::errc::no_such_file_or_directory)
    result.problems.emplace_back(result.cache_dir, "cannot be read: " + ec.message(), true);

  for (auto& entry : entries) {
    const auto path = result.cache_dir + "/" + entry.name;
    census_repo repo;
    if (detail::is_folder_in_root(root, entry) && detail::name_repo(entry.name, repo)) {
      repo.status = root.status(entry.name, ec, true);
      repo.path = repo.real_path = path;
      if (entry.kind == os::folder_entry::type::symlink)
        repo.real_path = std::filesystem::canonical(path, ec).string();
      result.repos.push_back(std::move(repo));
    } else if (auto text = detail::stranger_in_root(root, entry); !text.empty()) {
      result.problems.emplace_back(path, std::move(text));
    }
  }
  std::sort(result.repos.begin(), result.repos.end(),
            [](const census_repo& a, const census_repo& b) { return a.label() < b.label(); });
  detail::drop_aliases(result);

  std::vector<std::vector<census_problem>> problems(result.repos.size());
  for_each_index(
      pool, result.repos.size(),
      [&](std::size_t i) { detail::repo_census(result.repos[i], problems[i], stop).take(); }, stop);
  for (auto& found : problems) std::move(found.begin(), found.end(), std::back_inserter(result.problems));
  std::sort(result.problems.begin(), result.problems.end(),
            [](const census_problem& a, const census_problem& b) {
              return std::tie(a.path, a.text) < std::tie(b.path, b.text);
            });
  return result;
}

}  // namespace hubcache::inline v0_1
