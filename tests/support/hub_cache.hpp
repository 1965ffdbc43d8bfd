#pragma once

#include <hubcache/store/hub_layout.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <store/contents.hpp>
#include <string>
#include <string_view>

namespace test {

/// Fills a Hub cache as any client would, without a network. Files are named by their sha256.
class hub_cache {
 public:
  explicit hub_cache(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  /// Adds a snapshot of `files` (path -> bytes) and, unless `ref` is empty, points `ref` at it. Blobs that are there
  /// stay as they are.
  void add(const hubcache::repo& which, std::string_view commit,
           const std::map<std::string, std::string>& files, std::string_view ref = "main") const {
    const auto at = layout(which);
    for (const auto& [path, bytes] : files) {
      const auto name = content_of(bytes).name;
      write(at.blob(name), bytes);
      const std::filesystem::path entry = at.snapshot(commit) + "/" + path;
      std::filesystem::create_directories(entry.parent_path());
      std::filesystem::create_symlink(hubcache::hub_layout::entry_target(path, name), entry);
    }
    if (!ref.empty()) write(at.ref(ref), std::string(commit));
  }

  [[nodiscard]] const std::string& path() const { return folder_; }
  [[nodiscard]] hubcache::hub_layout layout(const hubcache::repo& which) const { return {folder_, which}; }
  /// Path of the blob that holds `bytes`.
  [[nodiscard]] std::string blob(const hubcache::repo& which, std::string_view bytes) const {
    return layout(which).blob(content_of(bytes).name);
  }

 private:
  static void write(const std::filesystem::path& path, std::string_view bytes) {
    if (std::filesystem::exists(path)) return;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  std::string folder_;
};

/// A commit id of one repeated digit.
inline std::string commit_of(char digit) { return std::string(40, digit); }

}  // namespace test
