#pragma once
/// @file
/// Who may read a file, as permission bits say: its own, and those of every folder on the way to it.

#include <hubcache/os/file.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace hubcache::inline v0_1 {

/// A set of users; everybody by default. Access control lists are not looked at.
class readers {
 public:
  readers() = default;

  /// Those who get to what lies in `folder`, whatever symlinks lead there.
  [[nodiscard]] HUBCACHE_DECL static readers of_folder(const std::string& folder, std::error_code& ec);
  /// Those of these who may read a file with this owner, group and mode.
  [[nodiscard]] HUBCACHE_DECL readers through(const os::file_status& file) const;

  /// Whether all of these are among `others`, as far as can be told: no group's members are known. The superuser and
  /// this process's user are taken to be among everybody.
  [[nodiscard]] HUBCACHE_DECL bool within(const readers& others) const noexcept;

 private:
  /// A file or folder that does not let everybody in.
  struct gate {
    std::uint32_t owner = 0;
    std::uint32_t group = 0;
    bool members = false;  ///< It lets in the members of the group.
    friend bool operator==(const gate&, const gate&) noexcept = default;
  };

  /// Keeps those whom `bits` of the mode of `passed`, of which each class has one, let in.
  void pass(const os::file_status& passed, std::uint32_t bits);

  std::vector<gate> gates_;
};

/// Whether `folder` is there for several users: setgid, or writable to others than its owner. A group with the number
/// of its owner is that user's own.
[[nodiscard]] HUBCACHE_DECL bool is_shared_folder(const os::file_status& folder) noexcept;

/// The part of `mode` with which a new file of this user and `group`, in a folder that those `around` get to, lets
/// nobody read who is not among `allowed`.
[[nodiscard]] HUBCACHE_DECL std::uint32_t mode_for(std::uint32_t mode, std::uint32_t group,
                                                   const readers& around, const readers& allowed);

/// The group of a new file in `folder`.
[[nodiscard]] HUBCACHE_DECL std::uint32_t group_in(const std::string& folder) noexcept;

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/readers.ipp>
#endif
