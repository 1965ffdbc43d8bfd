#pragma once

#include <hubcache/impl/census.ipp>
#include <hubcache/os/folder.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// A symlink that shows a blob.
struct blob_user {
  std::string base;  ///< Absolute, of a folder that symlinks may lead to.
  std::string
      below;  ///< Of the symlink's folder in it, with a '/' before each name; nothing there is a symlink.
  std::string name;

  [[nodiscard]] std::string path() const { return base + below + "/" + name; }
  [[nodiscard]] os::folder open_folder(std::error_code& ec) const {
    auto at = os::folder::open(base, ec);
    for (std::size_t begin = 1; !ec && begin < below.size();) {
      const auto end = std::min(below.find('/', begin), below.size());
      at = at.child(below.substr(begin, end - begin), ec);
      begin = end + 1;
    }
    return at;
  }
};
using users_by_blob = std::multimap<std::string, blob_user>;

/// Whether a path with this error leads to nothing.
HUBCACHE_DECL bool leads_nowhere(const std::error_code& ec) noexcept {
  return ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory ||
         ec == std::errc::too_many_symbolic_link_levels;
}

/// Looks in all repos of a cache for symlinks that show blobs of one, on whatever way.
class blob_user_search {
 public:
  blob_user_search(const os::folder& hub, const std::string& cache_dir, const std::string& repo_folder,
                   const std::set<std::string>& names)
      : hub_(hub), cache_dir_(cache_dir), own_folder_(repo_folder), names_(names) {}

  /// @param where "blobs" or "snapshots"; not the repo's own snapshots
  /// @param ec set if something could not be read, and so may link to a blob; failed_at() names it
  [[nodiscard]] users_by_blob run(const std::string& where, std::error_code& ec) {
    ec.clear();
    own_ = real_folder(cache_dir_ + "/" + own_folder_ + "/blobs", ec);
    if (own_.empty() || names_.empty()) return {};
    failed_at_ = cache_dir_;
    for (const auto& repo : hub_.entries(ec)) {
      if (ec) break;
      if (repo.kind != entry_type::folder && repo.kind != entry_type::symlink) continue;
      if (repo.name != own_folder_ || where == "blobs") look_into(repo.name, where, ec);
    }
    return std::move(found_);
  }
  [[nodiscard]] const std::string& failed_at() const noexcept { return failed_at_; }

 private:
  using entry_type = os::folder_entry::type;
  static constexpr int most_hops = 40;  // of the kernel
  static constexpr int deepest = 256;

  /// `path` without symlinks; empty if it leads nowhere.
  const std::string& real_folder(const std::string& path, std::error_code& ec) {
    const auto [at, added] = real_folders_.try_emplace(path);
    if (!added) return at->second;
    at->second = std::filesystem::canonical(path.empty() ? "/" : path, ec).string();
    if (leads_nowhere(ec)) {
      ec.clear();
    } else if (ec) {
      failed_at_ = path;
    }
    return at->second;
  }

  void look_into(const std::string& repo, const std::string& where, std::error_code& ec) {
    const auto folder = cache_dir_ + "/" + repo;
    const auto real = real_folder(folder, ec);
    if (ec || real.empty()) return;
    // Another name of this very repo goes with it.
    if (repo != own_folder_ && real == real_folder(cache_dir_ + "/" + own_folder_, ec)) return;
    base_ = folder + "/" + where;
    theirs_ = real_folder(folder + "/blobs", ec);
    if (!ec && repo != own_folder_ && theirs_ == own_) ec = std::make_error_code(std::errc::file_exists);
    if (!ec) plain_ = repo != own_folder_ && real_folder(base_, ec) == real + "/" + where;
    const auto at = ec ? os::folder() : os::folder::open(base_, ec);
    if (!ec) return collect(at, "", -1, ec);
    if (leads_nowhere(ec)) {
      ec.clear();
    } else {
      failed_at_ = base_;
    }
  }

  /// @param depth of `at` below a snapshot
  void collect(const os::folder& at, const std::string& below, int depth, std::error_code& ec) {
    failed_at_ = base_ + below;
    if (depth > deepest) ec = std::make_error_code(std::errc::filename_too_long);
    const auto entries = ec ? std::vector<os::folder_entry>() : at.entries(ec);
    for (const auto& entry : entries) {
      if (entry.kind == entry_type::folder) {
        const auto folder = at.child(entry.name, ec);
        if (!ec) collect(folder, below + "/" + entry.name, depth + 1, ec);
      } else if (entry.kind == entry_type::symlink) {
        const auto target = at.read_link(entry.name, ec);
        // Most entries name a blob of their own repo, which is looked at itself.
        const bool plain = plain_ && !plain_target(target, depth).empty();
        const auto shown = ec || plain ? std::nullopt : shown_by(base_ + below, target, ec);
        if (shown) found_.emplace(*shown, blob_user{base_, below, entry.name});
      }
      if (ec == std::errc::no_such_file_or_directory) ec.clear();  // it was removed just now
      if (ec) return;
      failed_at_ = base_ + below;
    }
  }

  /// The first of the blobs that a symlink in `folder` with the text `target` leads through.
  std::optional<std::string> shown_by(std::string folder, std::string target, std::error_code& ec) {
    for (int hop = 0; hop < most_hops; ++hop) {
      const auto path = target.starts_with('/') ? target : folder + "/" + target;
      const auto slash = path.rfind('/');
      const auto name = path.substr(slash + 1);
      folder = real_folder(path.substr(0, slash), ec);
      if (ec || folder.empty()) return std::nullopt;
      if (folder == own_ && names_.contains(name)) return name;
      if (folder == theirs_) return std::nullopt;  // looked at itself
      target = std::filesystem::read_symlink(folder + "/" + name, ec).string();
      const bool ends = ec == std::errc::invalid_argument || leads_nowhere(ec);
      if (ends) ec.clear();
      if (ends || ec) return std::nullopt;
    }
    return std::nullopt;
  }

  const os::folder& hub_;
  const std::string& cache_dir_;
  const std::string& own_folder_;
  const std::set<std::string>& names_;
  std::string own_;     // real path of the repo's blobs/
  std::string base_;    // the folder that is looked into,
  std::string theirs_;  // the real path of the blobs/ beside it,
  bool plain_ = false;  // and whether it really lies beside them
  std::map<std::string, std::string> real_folders_;
  users_by_blob found_;
  std::string failed_at_;
};

}  // namespace detail

}  // namespace hubcache::inline v0_1
