#pragma once

#include <hubcache/os/lock.hpp>

#include <cerrno>
#include <sys/file.h>

namespace hubcache::inline v0_1::os {

HUBCACHE_DECL std::optional<file_lock> file_lock::try_lock(const std::string& path, lock_mode mode,
                                                           std::error_code& ec) {
  for (;;) {
    file_lock lock;
    lock.file_ = open_or_create(path, 0664, ec);
    if (ec) return std::nullopt;
    const int operation = (mode == lock_mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    while (::flock(lock.file_.get(), operation) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno == ENOSYS || errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL) break;
      ec.assign(errno, std::system_category());
      return std::nullopt;
    }
    // Whoever held it may have removed the file while we waited to open it: then this lock excludes nobody.
    std::error_code gone;
    const auto mine = status(lock.file_, ec);
    const auto named = status(path, gone);
    if (!ec && !gone && named.identity.inode == mine.identity.inode &&
        named.identity.device == mine.identity.device) {
      lock.path_ = path;
      return lock;
    }
    if (ec) return std::nullopt;
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
