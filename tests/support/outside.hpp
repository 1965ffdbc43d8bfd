#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <support/temp_folder.hpp>
#include <sys/stat.h>

namespace test {

/// Folders and files that no run has any business with, and a look at what became of them.
class outside {
 public:
  outside() {
    home_.write("folder/kept", "kept");
    home_.write("file", "outside");
  }

  [[nodiscard]] std::string operator/(std::string_view name) const { return home_ / name; }

  /// All that can be seen of it without following symlinks: kinds, modes, times and bytes by path.
  [[nodiscard]] std::map<std::string, std::string> state() const {
    std::map<std::string, std::string> result;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home_.path())) {
      struct stat s {};
      ::lstat(entry.path().c_str(), &s);
      auto text = std::to_string(s.st_mode) + " " + std::to_string(s.st_mtim.tv_sec) + "." +
                  std::to_string(s.st_mtim.tv_nsec);
      if (S_ISREG(s.st_mode)) text += " " + read_file(entry.path());
      result.emplace(entry.path().string(), std::move(text));
    }
    return result;
  }

 private:
  temp_folder home_;
};

}  // namespace test
