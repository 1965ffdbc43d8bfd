#pragma once
/// @file
/// Who may read a file, as permission bits and access control lists say: its own, and those of every folder on the way to
/// it.

#include <hubcache/os/access_list.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace hubcache::inline v0_1 {

/// A set of users; everybody by default. What lets in everybody but a few whom a list names lets in everybody here.
class readers {
 public:
  readers() = default;

  /// Those who get to what lies in `folder`, whatever symlinks lead there.
  [[nodiscard]] HUBCACHE_DECL static readers of_folder(const std::string& folder, std::error_code& ec);
  /// Those of these who may read a file with this owner, group and mode, and with this access control list.
  [[nodiscard]] HUBCACHE_DECL readers through(const os::file_status& file,
                                              std::span<const os::access_entry> list = {}) const;

  /// Whether all of these are among `others`, as far as can be told: no group's members are known. The superuser and
  /// this process's user are taken to be among everybody.
  [[nodiscard]] HUBCACHE_DECL bool within(const readers& others) const noexcept;

 private:
  /// A file or folder that does not let everybody in.
  struct gate {
    gate() = default;
    std::uint32_t owner = 0;
    std::vector<std::uint32_t> users;   ///< It lets in these, too; sorted.
    std::vector<std::uint32_t> groups;  ///< And the members of these; sorted.
    friend bool operator==(const gate&, const gate&) = default;
  };

  /// Whether `a` lets in nobody whom `b` keeps out.
  static bool lets_in_no_more(const gate& a, const gate& b) noexcept;
  /// Keeps those whom `bits` of the mode of `passed`, of which each class has one, let in, and their like of `list`.
  void pass(const os::file_status& passed, std::uint32_t bits, std::span<const os::access_entry> list);

  std::vector<gate> gates_;
};

/// Whether `folder` is there for several users: setgid, or writable to others than its owner. A group with the number
/// of its owner is that user's own.
[[nodiscard]] HUBCACHE_DECL bool is_shared_folder(const os::file_status& folder) noexcept;

/// The part of `mode` with which a new file of this user and `group`, in a folder that those `around` get to, lets
/// nobody read who is not among `allowed`.
/// @param inherited the access control list that new files get there.
[[nodiscard]] HUBCACHE_DECL std::uint32_t mode_for(std::uint32_t mode, std::uint32_t group,
                                                   const readers& around, const readers& allowed,
                                                   std::span<const os::access_entry> inherited = {});

/// The group of a new file in `folder`.
[[nodiscard]] HUBCACHE_DECL std::uint32_t group_in(const std::string& folder) noexcept;

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/readers.ipp>
#endif
