#pragma once
/// @file
/// Names below a folder, reached without following any symlink: what a repo's paths are written through.

#include <hubcache/os/file.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace hubcache::inline v0_1::os {

/// An open folder. Paths given to it are relative, '/'-separated and free of "." and ".." (is_safe_path()).
class folder {
 public:
  folder() noexcept = default;
  /// Opens an existing folder; symlinks in `path` itself are followed (the user's own doing).
  [[nodiscard]] HUBCACHE_DECL static folder open(const std::string& path, std::error_code& ec);

  /// Opens `path`, which is `base` or lies below it; what is missing below `base` is created, and no symlink there
  /// is followed.
  [[nodiscard]] HUBCACHE_DECL static folder open_below(const std::string& base, const std::string& path,
                                                       std::error_code& ec);

  /// The folder that holds the last name of `path`, its missing parts created. A symlink on the way is refused
  /// (std::errc::too_many_symbolic_link_levels or not_a_directory).
  [[nodiscard]] HUBCACHE_DECL folder parent_of(std::string_view path, std::error_code& ec) const;

  /// Of the entry `name` itself, not of what a symlink points at.
  [[nodiscard]] HUBCACHE_DECL file_status status(const std::string& name, std::error_code& ec) const noexcept;
  [[nodiscard]] HUBCACHE_DECL std::string read_link(const std::string& name, std::error_code& ec) const;
  /// Gives `name` to a symlink with the text `target`, atomically replacing a file of that name.
  HUBCACHE_DECL void replace_symlink(const std::string& target, const std::string& name,
                                     std::error_code& ec) const;
  /// Renames the file `from` (any path) to `name` here, over a file of that name.
  HUBCACHE_DECL void take(const std::string& from, const std::string& name,
                          std::error_code& ec) const noexcept;

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(opened_); }

 private:
  descriptor opened_;
};

/// The last '/'-separated segment of `path`.
[[nodiscard]] inline std::string last_segment(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_folder.ipp>
#endif
