#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/store/colliding_names.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <unordered_map>

namespace hubcache::inline v0_1 {

namespace detail {

/// Whether some file system might take one of `paths` for another.
HUBCACHE_DECL bool may_collide(const std::vector<std::string>& paths) {
  std::vector<std::string> lowered;  // where that makes a difference
  for (const auto& path : paths) {
    auto lower = path;
    for (auto& c : lower) {
      if (static_cast<unsigned char>(c) >= 0x80) return true;
      c = lower_case(c);
    }
    if (lower != path) lowered.push_back(std::move(lower));
  }
  std::sort(lowered.begin(), lowered.end());
  return std::adjacent_find(lowered.begin(), lowered.end()) != lowered.end() ||
         std::any_of(lowered.begin(), lowered.end(), [&paths](const std::string& path) {
           return std::binary_search(paths.begin(), paths.end(), path);
         });
}

/// A folder of empty files, removed at the end; those that killed processes left an hour ago go, too.
class name_trial {
 public:
  name_trial(const std::string& base, const std::string& folder, std::error_code& ec)
      : path_(folder + "/" + os::random_hex(16) + ".tmp") {
    os::folder::make_below(base, folder, ec);
    if (ec) return;
    sweep(folder);
    folder_ = os::folder::open_below(base, path_, ec, 0700);
  }
  name_trial(const name_trial&) = delete;
  name_trial& operator=(const name_trial&) = delete;
  ~name_trial() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// Makes the file `path`. The one made before that is the same, if there is one.
  std::optional<std::string> add(const std::string& path, std::error_code& ec) {
    const auto name = os::last_segment(path);
    const auto parent = folder_.parent_of(path, ec);
    if (!ec) static_cast<void>(parent.create_new(name, 0600, ec));
    if (ec && ec != std::errc::file_exists) return std::nullopt;
    const auto inode = parent.status(name, ec).identity.inode;
    const auto [known, added] = made_.emplace(inode, path);
    return added || ec ? std::nullopt : std::optional(known->second);
  }

 private:
  static void sweep(const std::string& folder) {
    const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
    std::error_code ec;
    const auto here = os::folder::open(folder, ec);
    for (const auto& entry : ec ? std::vector<os::folder_entry>() : here.entries(ec)) {
      const auto left = entry.name.ends_with(".tmp") ? here.status(entry.name, ec) : os::file_status();
      const bool old = left.identity.mtime_ns < std::chrono::nanoseconds(now - std::chrono::hours(1)).count();
      if (!ec && left.directory && old) std::filesystem::remove_all(folder + "/" + entry.name, ec);
    }
  }

  std::string path_;
  os::folder folder_;
  std::unordered_map<std::uint64_t, std::string> made_;  // by inode
};

HUBCACHE_DECL std::optional<std::pair<std::string, std::string>> try_names(
    const std::string& base, const std::string& folder, const std::vector<std::string>& paths) {
  std::error_code ec;
  name_trial trial(base, folder, ec);
  for (const auto& path : paths) {
    auto other = ec ? std::nullopt : trial.add(path, ec);
    if (other) return std::pair(std::move(*other), path);
    if (ec) break;
  }
  return std::nullopt;
}

}  // namespace detail

HUBCACHE_DECL std::optional<std::pair<std::string, std::string>> colliding_names(
    const std::string& base, const std::string& folder, const std::vector<std::string>& paths) {
  if (!detail::may_collide(paths)) return std::nullopt;
  // Most file systems tell apart whatever has other bytes: then no name needs a trial of its own. U+00E9 is also
  // U+0065 U+0301.
  const std::vector<std::string> examples{"a", "A", "\xC3\xA9", "e\xCC\x81"};
  if (!detail::try_names(base, folder, examples)) return std::nullopt;
  return detail::try_names(base, folder, paths);
}

}  // namespace hubcache::inline v0_1
