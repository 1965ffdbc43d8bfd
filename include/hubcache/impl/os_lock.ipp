#pragma once

#include <hubcache/os/lock.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

namespace hubcache::inline v0_1::os {

namespace detail {

/// Whether the system or the file system has no such locks.
HUBCACHE_DECL bool knows_no_locks(int code) noexcept {
  return code == ENOSYS || code == ENOLCK || code == EOPNOTSUPP || code == EINVAL;
}

/// One try, whatever the file's name is by now.
HUBCACHE_DECL lock_outcome flocked(const descriptor& file, lock_mode mode, std::error_code& ec) noexcept {
  ec.clear();
  const int operation = (mode == lock_mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(file.get(), operation) != 0) {
    if (errno == EINTR) continue;
    if (knows_no_locks(errno)) return lock_outcome::unsupported;
    if (errno != EWOULDBLOCK) ec.assign(errno, std::system_category());
    return lock_outcome::held;
  }
  return lock_outcome::granted;
}

/// Sets or releases the lock on one byte; -1 and errno as fcntl(2).
HUBCACHE_DECL int set_byte_lock(const descriptor& file, std::uint64_t at, bool held) noexcept {
#if defined(F_OFD_SETLK)
  struct flock what {};
  what.l_type = held ? F_WRLCK : F_UNLCK;
  what.l_whence = SEEK_SET;
  what.l_start = static_cast<off_t>(at);
  what.l_len = 1;
  return ::fcntl(file.get(), F_OFD_SETLK, &what);
#else
  static_cast<void>(file), static_cast<void>(at), static_cast<void>(held);
  errno = ENOSYS;
  return -1;
#endif
}

}  // namespace detail

HUBCACHE_DECL lock_outcome try_lock(const descriptor& file, const std::string& path, lock_mode mode,
                                    std::error_code& ec) noexcept {
  const auto outcome = detail::flocked(file, mode, ec);
  if (outcome != lock_outcome::granted) return outcome;
  // Whoever held it before may have removed or renamed the file since it was opened.
  std::error_code missing;
  const auto mine = status(file, ec).identity;
  const auto named = status(path, missing).identity;
  if (ec) return lock_outcome::held;
  const bool same = !missing && named.inode == mine.inode && named.device == mine.device;
  return same ? lock_outcome::granted : lock_outcome::gone;
}

HUBCACHE_DECL std::optional<byte_lock> byte_lock::try_lock(std::shared_ptr<const descriptor> file,
                                                           std::uint64_t at, std::error_code& ec) {
  ec.clear();
  while (detail::set_byte_lock(*file, at, true) != 0) {
    if (errno == EINTR) continue;
    if (detail::knows_no_locks(errno)) {
      ec = std::make_error_code(std::errc::function_not_supported);
    } else if (errno != EAGAIN && errno != EACCES) {
      ec.assign(errno, std::system_category());
    }
    return std::nullopt;
  }
  return byte_lock(std::move(file), at);
}

HUBCACHE_DECL byte_lock::~byte_lock() {
  if (file_) detail::set_byte_lock(*file_, at_, false);
}

/// Locks what `open(ec)` opens.
template <class Open>
std::optional<file_lock> file_lock::lock_opened(Open open, const std::string& path, lock_mode mode,
                                                std::error_code& ec) {
  for (;;) {
    file_lock lock;
    lock.file_ = open(ec);
    if (ec || detail::flocked(lock.file_, mode, ec) == lock_outcome::held) return std::nullopt;
    // Whoever held it before may have removed the file since it was opened. Nobody renames lock files: unlike
    // try_lock() above this need not look the name up again.
    const auto links = status(lock.file_, ec).links;
    if (ec) return std::nullopt;
    if (links == 0) continue;
    lock.path_ = path;
    return lock;
  }
}

HUBCACHE_DECL std::optional<file_lock> file_lock::try_lock(const std::string& path, lock_mode mode,
                                                           std::error_code& ec) {
  const auto open = [&path](std::error_code& failure) {
    auto file = open_or_create(path, 0664, failure);
    // Another user's locks all the same.
    return failure == std::errc::permission_denied ? open_read(path, failure) : std::move(file);
  };
  return lock_opened(open, path, mode, ec);
}

HUBCACHE_DECL std::optional<file_lock> file_lock::try_lock(const folder& in, const std::string& path,
                                                           lock_mode mode, std::error_code& ec) {
  const auto name = last_segment(path);
  const auto open = [&in, &name](std::error_code& failure) {
    auto file = in.open_or_create(name, 0664, failure);
    return failure == std::errc::permission_denied ? in.open_read(name, failure) : std::move(file);
  };
  return lock_opened(open, path, mode, ec);
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
