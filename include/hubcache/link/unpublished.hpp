#pragma once
/// @file
/// Private to the strategies: how a file is made beside its final name and given that name.

#include <hubcache/link/link_strategy.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1::detail {

/// The part of `mode` that lets nobody read whom the permission bits of `source` keep out, for a file of
/// `group`. Access control lists and the folders on the way are not looked at.
[[nodiscard]] constexpr std::uint32_t mode_within(std::uint32_t mode, const os::file_status& source,
                                                  std::uint32_t group) noexcept {
  constexpr std::uint32_t group_read = 0040, other_read = 0004;
  const bool members = (source.mode & group_read) != 0;
  const bool everybody = members && (source.mode & other_read) != 0;
  if (!everybody) mode &= ~std::uint32_t{0007};
  if (!everybody && !(members && group == source.group)) mode &= ~std::uint32_t{0070};
  return mode;
}

/// Renames unless the name `to` exists (std::errc::file_exists), also where the file system cannot do so at
/// once.
HUBCACHE_DECL void rename_new(const std::string& from, const std::string& to, std::error_code& ec) noexcept;
/// The same by two steps, for file systems with hard links.
HUBCACHE_DECL void rename_new_by_link(const std::string& from, const std::string& to,
                                      std::error_code& ec) noexcept;

/// A file named `<want>.<8 hex>.incomplete`, as Hub clients name leftovers. The name goes with this object.
/// Use: create() or adopt() once, then publish(). `want` outlives this.
class unpublished {
 public:
  explicit unpublished(const link_target& want) noexcept : want_(want) {}
  unpublished(const unpublished&) = delete;
  unpublished& operator=(const unpublished&) = delete;
  HUBCACHE_DECL ~unpublished();

  /// Makes an empty file that no more users can read than `source`; returns it opened for writing.
  [[nodiscard]] HUBCACHE_DECL os::descriptor create(const opened_file& source, std::error_code& ec);
  /// Makes another name of the inode of `source`.
  HUBCACHE_DECL void adopt(const opened_file& source, std::error_code& ec);
  /// Gives the file its final name. Fails with ESTALE if `source` is no longer what it was when opened.
  HUBCACHE_DECL void publish(const opened_file& source, std::error_code& ec);

 private:
  /// Calls `make` with unused names until one is taken; fails early if the final name exists.
  template <class Make>
  void name_by(Make make, std::error_code& ec);

  const link_target& want_;
  std::string path_;  ///< Empty: nothing was made, or it was published.
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_unpublished.ipp>
#endif
