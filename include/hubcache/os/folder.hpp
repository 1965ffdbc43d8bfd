#pragma once
/// @file
/// Names below a folder, reached without following any symlink: what a repo's paths are written through.

#include <hubcache/os/file.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace hubcache::inline v0_1::os {

/// One name in a folder, and what it is without following it.
struct folder_entry {
  /// What a name leads to, unfollowed.
  enum class type : unsigned char { file, folder, symlink, other };

  folder_entry() = default;
  /// Sets name and kind.
  folder_entry(std::string n, type k) : name(std::move(n)), kind(k) {}

  std::string name;         ///< One segment of a path.
  type kind = type::other;  ///< What it is.
};

/// An open folder. Paths given to it are relative, '/'-separated and free of "." and ".." (is_safe_path()).
class folder {
 public:
  folder() noexcept = default;
  /// Opens an existing folder; symlinks in `path` itself are followed (the user's own doing).
  [[nodiscard]] HUBCACHE_DECL static folder open(const std::string& path, std::error_code& ec);

  /// Opens `path`, which is `base` or lies below it; what is missing below `base` is created with `mode` less the
  /// umask, and no symlink there is followed.
  [[nodiscard]] HUBCACHE_DECL static folder open_below(const std::string& base, const std::string& path,
                                                       std::error_code& ec, std::uint32_t mode = 0777);

  /// The same, but `base` is made, too, as by make_directories().
  HUBCACHE_DECL static folder make_below(const std::string& base, const std::string& path,
                                         std::error_code& ec, std::uint32_t mode = 0777);

  /// The folder that holds the last name of `path`, its missing parts created with `mode` less the umask. A symlink on
  /// the way is refused (std::errc::too_many_symbolic_link_levels or not_a_directory).
  [[nodiscard]] HUBCACHE_DECL folder parent_of(std::string_view path, std::error_code& ec,
                                               std::uint32_t mode = 0777) const;

  /// Opens the folder `name` in this one; a symlink is refused, as in parent_of().
  [[nodiscard]] HUBCACHE_DECL folder child(const std::string& name, std::error_code& ec) const;
  /// What is in it but "." and "..", unsorted. On an error, what was read so far.
  [[nodiscard]] HUBCACHE_DECL std::vector<folder_entry> entries(std::error_code& ec) const;

  /// Of the entry `name` itself, not of what a symlink points at, unless `follow`.
  [[nodiscard]] HUBCACHE_DECL file_status status(const std::string& name, std::error_code& ec,
                                                 bool follow = false) const noexcept;
  /// Whether this process could open what `name` leads to for reading, by permissions alone. `known` is its status:
  /// of a file of one's own it tells, of others the system is asked.
  [[nodiscard]] HUBCACHE_DECL bool is_readable(const std::string& name,
                                               const file_status& known) const noexcept;
  /// As open_read() and open_or_create() of <hubcache/os/file.hpp>, of a name in this folder.
  [[nodiscard]] HUBCACHE_DECL descriptor open_read(const std::string& name,
                                                   std::error_code& ec) const noexcept;
  /// As open_or_create() of os/file.hpp, of a name in this folder.
  [[nodiscard]] HUBCACHE_DECL descriptor open_or_create(const std::string& name, std::uint32_t mode,
                                                        std::error_code& ec) const noexcept;
  /// Creates the file `name`, which must not exist yet, for reading and writing.
  [[nodiscard]] HUBCACHE_DECL descriptor create_new(const std::string& name, std::uint32_t mode,
                                                    std::error_code& ec) const noexcept;
  /// The text of the symlink `name`.
  [[nodiscard]] HUBCACHE_DECL std::string read_link(const std::string& name, std::error_code& ec) const;
  /// Gives `name` to a symlink with the text `target`, atomically replacing a file of that name.
  HUBCACHE_DECL void replace_symlink(const std::string& target, const std::string& name,
                                     std::error_code& ec) const;
  /// Gives the file `name` the second name `as` in `to`; all but regular files are refused
  /// (std::errc::invalid_argument), and an existing `as`.
  HUBCACHE_DECL void hard_link(const std::string& name, const folder& to, const std::string& as,
                               std::error_code& ec) const noexcept;
  /// Makes `name` another name of the inode open as `file`; an existing `name` is refused.
  HUBCACHE_DECL void link_opened(const descriptor& file, const std::string& name,
                                 std::error_code& ec) const noexcept;
  /// Removes a file or a symlink itself; a missing one is success.
  HUBCACHE_DECL void remove(const std::string& name, std::error_code& ec) const noexcept;
  /// Removes an empty folder; a missing one is success.
  HUBCACHE_DECL void remove_folder(const std::string& name, std::error_code& ec) const noexcept;
  /// Renames the file `name` to `as` in `to`, over a file of that name.
  HUBCACHE_DECL void move(const std::string& name, const folder& to, const std::string& as,
                          std::error_code& ec) const noexcept;
  /// Renames the file `from` (any path) to `name` here, over a file of that name.
  HUBCACHE_DECL void take(const std::string& from, const std::string& name,
                          std::error_code& ec) const noexcept;

  /// Whether it is open.
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(opened_); }

 private:
  descriptor opened_;
};

/// Whether a symlink with this status, in a folder with that one, may lead this process elsewhere: it belongs to this
/// user, to the superuser or to the folder's owner (as proc_sys_fs(5) has it, protected_symlinks).
[[nodiscard]] HUBCACHE_DECL bool is_trusted_link(const file_status& link, const file_status& folder) noexcept;

/// The folder of the absolute `path`.
[[nodiscard]] inline std::string parent_path(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

/// The last '/'-separated segment of `path`.
[[nodiscard]] inline std::string last_segment(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_folder.ipp>
#endif
