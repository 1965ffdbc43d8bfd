#pragma once

#include <hubcache/index/memory_index.hpp>
#include <hubcache/store/scan.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <store/contents.hpp>
#include <string>
#include <string_view>
#include <support/temp_folder.hpp>
#include <vector>

namespace test {

/// A machine with a Hub cache, stores of other tools, and hubcache's state.
struct scanned_machine {
  temp_folder home;
  std::string cache = home / "hub";
  std::string state = home / "state";
  std::vector<hubcache::store> stores;
  hubcache::memory_index index;

  /// Adds a blob named by the digest of its bytes to the own cache; returns its path.
  std::string add(const std::string& repo, const std::string& bytes) const {
    return home.write("hub/" + repo + "/blobs/" + hex(bytes), bytes);
  }
  /// Tells of a store in the folder `name` of home.
  void add_store(hubcache::store_kind kind, const std::string& name) {
    stores.emplace_back(kind, home / name, hubcache::store_origin::configured);
  }
  [[nodiscard]] static std::string hex(std::string_view bytes) { return content_of(bytes).name.hex(); }

  [[nodiscard]] hubcache::store_scan scan() { return scan_stores(cache, stores, state, index); }
  void remember(const hubcache::store_scan& seen) { remember_scan(seen, state, index); }
  /// Makes every folder look as if nothing changed in it lately.
  void settle() const {
    const auto then = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home.path())) {
      if (entry.symlink_status().type() == std::filesystem::file_type::directory)
        std::filesystem::last_write_time(entry.path(), then);
    }
    for (const auto& each : stores) {
      if (std::filesystem::is_directory(each.path)) std::filesystem::last_write_time(each.path, then);
    }
  }
  /// Scans as after a while, and remembers.
  hubcache::store_scan scan_settled() {
    settle();
    auto seen = scan();
    remember(seen);
    return seen;
  }
  /// Every name below home, and when it was modified.
  [[nodiscard]] std::map<std::string, std::filesystem::file_time_type> everything() const {
    std::map<std::string, std::filesystem::file_time_type> seen;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home.path())) {
      if (!entry.is_symlink()) seen[entry.path().string()] = entry.last_write_time();
    }
    return seen;
  }
};

/// Digest (hex) and path of every claim.
inline std::vector<std::pair<std::string, std::string>> claimed(const hubcache::store_scan& seen) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& claim : seen.claims) result.emplace_back(claim.name.hex(), claim.where.path);
  return result;
}

/// Paths of the problems.
inline std::vector<std::string> problems(const hubcache::store_scan& seen) {
  std::vector<std::string> paths;
  for (const auto& problem : seen.problems) paths.push_back(problem.path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace test
