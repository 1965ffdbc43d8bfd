#pragma once

#include <hubcache/error.hpp>
#include <hubcache/link/link_failure.hpp>
#include <hubcache/link/unpublished.hpp>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL void hard_link_at(const std::string& from, const std::string& to, int flags,
                                std::error_code& ec) noexcept {
  ec.clear();
  const int result = ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags);
  if (result != 0) ec.assign(errno, std::system_category());
}

HUBCACHE_DECL void rename_new(const std::string& from, const std::string& to, std::error_code& ec) noexcept {
  ec.clear();
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return rename_new_by_link(from, to, ec);
  ec.assign(errno, std::system_category());
}

HUBCACHE_DECL void rename_new_by_link(const std::string& from, const std::string& to,
                                      std::error_code& ec) noexcept {
  hard_link_at(from, to, 0, ec);
  std::error_code ignored;  // `to` is there and right; a leftover `from` is pruned by any Hub client
  if (!ec) os::remove(from, ignored);
}

HUBCACHE_DECL unpublished::~unpublished() {
  std::error_code ignored;
  if (!path_.empty()) os::remove(path_, ignored);
}

template <class Make>
void unpublished::name_by(Make make, std::error_code& ec) {
  (void)os::status(want_.path, ec);
  if (!ec) {
    ec = std::make_error_code(std::errc::file_exists);
    return;
  }
  constexpr int attempts = 8;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string name = want_.path + "." + os::random_hex(8) + ".incomplete";
    make(name);
    if (!ec) path_ = std::move(name);
    if (ec != std::errc::file_exists) return;
  }
}

HUBCACHE_DECL os::descriptor unpublished::create(const opened_file& source, std::error_code& ec) {
  os::descriptor file;
  name_by([&](const std::string& name) { file = os::create_new(name, want_.mode & 0700U, ec); }, ec);
  if (ec) return {};
  // Which group a new file gets depends on its folder; until that is known only the owner may look.
  const auto made = os::status(file, ec);
  const auto mode = mode_within(want_.mode, source.status, made.group);
  // File systems without permission bits refuse; the file then keeps what it was made with.
  if (!ec && mode != made.mode) (void)::fchmod(file.get(), static_cast<mode_t>(mode));
  return ec ? os::descriptor{} : std::move(file);
}

HUBCACHE_DECL void unpublished::adopt(const opened_file& source, std::error_code& ec) {
  const std::string opened = "/proc/self/fd/" + std::to_string(source.file.get());
  const auto make = [&](const std::string& name) {
    hard_link_at(opened, name, AT_SYMLINK_FOLLOW, ec);
    if (classify(ec) == link_failure::stale) hard_link_at(source.path, name, 0, ec);  // no /proc here
  };
  name_by(make, ec);
  if (ec) return;
  const auto made = os::status(path_, ec).identity;
  const auto& meant = source.status.identity;
  // Another file took the path, or an overlay copied it up. The open file still is what it was: it can be
  // copied.
  if (!ec && (made.device != meant.device || made.inode != meant.inode)) ec = errc::refused;
}

HUBCACHE_DECL void unpublished::publish(const opened_file& source, std::error_code& ec) {
  const auto now = os::status(source.file, ec).identity;
  const auto& then = source.status.identity;
  // Not ctime: hard links made meanwhile change it.
  if (!ec && (now.size != then.size || now.mtime_ns != then.mtime_ns))
    ec.assign(ESTALE, std::system_category());
  if (!ec) rename_new(path_, want_.path, ec);
  if (!ec) path_.clear();
}

}  // namespace hubcache::inline v0_1::detail
