#pragma once

#include <hubcache/link/link_failure.hpp>

#include <cerrno>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL link_failure classify(const std::error_code& ec) noexcept {
  const std::error_condition meaning = ec.default_error_condition();
  if (meaning.category() != std::generic_category() && meaning.category() != std::system_category()) {
    return link_failure::this_file;
  }
  switch (meaning.value()) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EXDEV:
      return link_failure::capability;
    case ENOSPC:
    case EDQUOT:
      return link_failure::space;
    case ENOENT:
    case ESTALE:
    case ENOTDIR:
    case ELOOP:
      return link_failure::stale;
    case EEXIST:
      return link_failure::exists;
    case EIO:
    case EROFS:
    case ENAMETOOLONG:
    case EBADF:
    case EFAULT:
      return link_failure::hard;
    default:
      return link_failure::this_file;
  }
}

}  // namespace hubcache::inline v0_1
