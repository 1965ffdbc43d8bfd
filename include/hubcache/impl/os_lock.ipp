#pragma once

#include <hubcache/os/lock.hpp>

#include <cerrno>
#include <sys/file.h>

namespace hubcache::inline v0_1::os {

HUBCACHE_DECL lock_outcome try_lock(const descriptor& file, const std::string& path, lock_mode mode,
                                    std::error_code& ec) noexcept {
  ec.clear();
  const int operation = (mode == lock_mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(file.get(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return lock_outcome::held;
    if (errno == ENOSYS || errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL) break;
    ec.assign(errno, std::system_category());
    return lock_outcome::held;
  }
  // Whoever held it before may have removed or renamed the file since it was opened.
  std::error_code missing;
  const auto mine = status(file, ec).identity;
  const auto named = status(path, missing).identity;
  if (ec) return lock_outcome::held;
  const bool same = !missing && named.inode == mine.inode && named.device == mine.device;
  return same ? lock_outcome::granted : lock_outcome::gone;
}

HUBCACHE_DECL std::optional<file_lock> file_lock::try_lock(const std::string& path, lock_mode mode,
                                                           std::error_code& ec) {
  for (;;) {
    file_lock lock;
    lock.file_ = open_or_create(path, 0664, ec);
    if (ec == std::errc::permission_denied)
      lock.file_ = open_read(path, ec);  // another user's: locks all the same
    if (ec) return std::nullopt;
    switch (os::try_lock(lock.file_, path, mode, ec)) {
      case lock_outcome::granted:
        lock.path_ = path;
        return lock;
      case lock_outcome::held:
        return std::nullopt;
      case lock_outcome::gone:
        break;
    }
  }
}

HUBCACHE_DECL void file_lock::release() noexcept {
  if (!file_) return;
  if (remove_) {
    std::error_code ignored;
    const auto mine = status(file_, ignored);
    const auto named = status(path_, ignored);
    if (!ignored && mine.identity.inode == named.identity.inode) os::remove(path_, ignored);
  }
  file_.close();
}

}  // namespace hubcache::inline v0_1::os
