#pragma once
/// @file
/// A link strategy that offers nothing beyond its contract. docs/extending/link.md shows it.

#include <hubcache/link/link_strategy.hpp>
#include <hubcache/os/file.hpp>

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <unistd.h>

namespace minimal {

/// Hard links, of files of any size.
class links {
 public:
  links() = default;
  links(const links&) = delete;
  links& operator=(const links&) = delete;

  hubcache::link_report link(const hubcache::opened_file& have, const hubcache::link_target& want,
                             hubcache::link_kinds kinds, std::error_code& ec) const {
    ec = std::make_error_code(std::errc::operation_not_supported);
    if (!kinds.contains(hubcache::link_kind::hard_link)) return {};
    const auto now = hubcache::os::status(have.file, ec);
    if (!ec && !hubcache::os::same_bytes_state(now.identity, have.status.identity)) {
      ec.assign(ESTALE, std::system_category());
    }
    // From the open file: its path may lead to another one by now. Never over a name: link() fails with EEXIST.
    const auto file = "/proc/self/fd/" + std::to_string(have.file.get());
    if (!ec && ::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, want.path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      ec.assign(errno, std::system_category());
    }
    return ec ? hubcache::link_report() : hubcache::link_report(hubcache::link_kind::hard_link);
  }
};
static_assert(hubcache::link_strategy<links>);

}  // namespace minimal
