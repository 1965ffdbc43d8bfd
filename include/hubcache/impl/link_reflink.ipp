#pragma once

#include <hubcache/link/reflink.hpp>
#include <hubcache/link/unpublished.hpp>

#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace hubcache::inline v0_1 {

namespace detail {

/// Makes `to` share all blocks of `from`.
HUBCACHE_DECL void clone(const os::descriptor& from, const os::descriptor& to, std::error_code& ec) noexcept {
  ec.clear();
  int result = ::ioctl(to.get(), FICLONE, from.get());
  // ZFS clones only what is on disk.
  if (result != 0 && errno == EAGAIN && ::fsync(from.get()) == 0)
    result = ::ioctl(to.get(), FICLONE, from.get());
  if (result != 0) ec.assign(errno, std::system_category());
}

}  // namespace detail

HUBCACHE_DECL link_report reflink::link(const opened_file& have, const link_target& want, link_kinds kinds,
                                        std::error_code& ec) const {
  ec = std::make_error_code(std::errc::operation_not_supported);
  if (!kinds.contains(kind)) return {};
  detail::unpublished made(want);
  const auto file = made.create(have, ec);
  if (!ec) detail::clone(have.file, file, ec);
  if (!ec) made.publish(have, ec);
  return ec ? link_report{} : link_report(kind);
}

}  // namespace hubcache::inline v0_1
