#pragma once

#include <hubcache/link/symlink.hpp>

#include <cerrno>
#include <unistd.h>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL link_report symlink::link(const opened_file& have, const link_target& want, link_kinds kinds,
                                        std::error_code& ec) const {
  ec = std::make_error_code(std::errc::operation_not_supported);
  if (!kinds.contains(kind)) return {};
  // A symlink names a path, not the open file: the path must still lead to it.
  const auto named = os::status(have.path, ec).identity;
  if (ec) return {};
  if (!os::same_bytes_state(named, have.status.identity)) {
    ec.assign(ESTALE, std::system_category());
    return {};
  }
  if (::symlink(have.path.c_str(), want.path.c_str()) == 0) return link_report(kind);
  ec.assign(errno, std::system_category());
  return {};
}

}  // namespace hubcache::inline v0_1
