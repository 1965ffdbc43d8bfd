#pragma once

#include <hubcache/os/file.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace test {

/// A folder of its own for one test, removed at its end.
class temp_folder {
 public:
  temp_folder() : temp_folder(std::filesystem::temp_directory_path()) {}
  explicit temp_folder(const std::filesystem::path& parent)
      : path_(parent / ("hubcache-test-" + hubcache::os::random_hex(12))) {
    std::filesystem::create_directories(path_);
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Path of `name` in the folder.
  [[nodiscard]] std::string operator/(std::string_view name) const { return (path_ / name).string(); }

  /// Writes a file, its parents included; returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    const auto target = path_ / name;
    std::filesystem::create_directories(target.parent_path());
    std::ofstream(target, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return target.string();
  }

 private:
  std::filesystem::path path_;
};

/// The bytes of a file; empty if there is none.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace test
