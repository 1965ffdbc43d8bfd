#pragma once
/// @file
/// POSIX access control lists (acl(5)): whom they let in beyond the permission bits. Lists of other kinds (NFSv4) are not
/// known. Blocking.

#include <hubcache/os/file.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace hubcache::inline v0_1::os {

/// What a list says of the owning group, of a named user or of a named group. The group's permission bits of the file
/// limit all of these.
struct access_entry {
  /// Of whom a list speaks.
  enum class subject : unsigned char { owning_group, user, group };

  subject of = subject::owning_group;  ///< Whom it means.
  std::uint32_t id = 0;           ///< Of the named user or group.
  std::uint32_t permissions = 0;  ///< As one digit of a mode.
};

/// The list of a file or folder (symlinks are followed); empty if the permission bits say all.
[[nodiscard]] HUBCACHE_DECL std::vector<access_entry> access_list(const std::string& path,
                                                                  std::error_code& ec);
/// Of an open file.
[[nodiscard]] HUBCACHE_DECL std::vector<access_entry> access_list(const descriptor& file,
                                                                  std::error_code& ec);
/// The list that files made in `folder` get; empty if they get none.
[[nodiscard]] HUBCACHE_DECL std::vector<access_entry> inherited_access_list(const std::string& folder,
                                                                            std::error_code& ec);

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_access_list.ipp>
#endif
