#pragma once

#include <hubcache/impl/os_file.ipp>
#include <hubcache/os/folder.hpp>

namespace hubcache::inline v0_1::os {

HUBCACHE_DECL folder folder::open(const std::string& path, std::error_code& ec) {
  folder result;
  result.opened_ = descriptor(
      detail::retried(ec, [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  return result;
}

HUBCACHE_DECL folder folder::open_below(const std::string& base, const std::string& path,
                                        std::error_code& ec) {
  auto root = open(base, ec);
  if (ec || path == base) return root;
  if (!path.starts_with(base + "/")) {
    ec = std::make_error_code(std::errc::invalid_argument);
    return {};
  }
  return root.parent_of(path.substr(base.size() + 1) + "/.", ec);
}

HUBCACHE_DECL folder folder::parent_of(std::string_view path, std::error_code& ec) const {
  folder at;
  at.opened_ = descriptor(detail::retried(ec, [&] { return ::fcntl(opened_.get(), F_DUPFD_CLOEXEC, 0); }));
  for (auto slash = path.find('/'); !ec && slash != path.npos; slash = path.find('/')) {
    const std::string name(path.substr(0, slash));
    path.remove_prefix(slash + 1);
    if (::mkdirat(at.opened_.get(), name.c_str(), 0777) != 0 && errno != EEXIST) {
      detail::fail(ec);
      break;
    }
    at.opened_ = descriptor(detail::retried(ec, [&] {
      return ::openat(at.opened_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }));
  }
  return at;
}

HUBCACHE_DECL file_status folder::status(const std::string& name, std::error_code& ec) const noexcept {
  struct stat s {};
  detail::retried(ec, [&] { return ::fstatat(opened_.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW); });
  return ec ? file_status{} : detail::from_stat(s);
}

HUBCACHE_DECL std::string folder::read_link(const std::string& name, std::error_code& ec) const {
  std::array<char, 4096> buffer;
  const auto n = detail::retried(
      ec, [&] { return ::readlinkat(opened_.get(), name.c_str(), buffer.data(), buffer.size()); });
  return ec ? std::string{} : std::string(buffer.data(), static_cast<std::size_t>(n));
}

HUBCACHE_DECL void folder::replace_symlink(const std::string& target, const std::string& name,
                                           std::error_code& ec) const {
  // The name is free for most entries: try it directly, and only rename over an old one.
  detail::retried(ec, [&] { return ::symlinkat(target.c_str(), opened_.get(), name.c_str()); });
  if (ec.value() != EEXIST) return;
  const std::string temporary = "." + random_hex(16) + ".tmp";
  detail::retried(ec, [&] { return ::symlinkat(target.c_str(), opened_.get(), temporary.c_str()); });
  if (ec) return;
  detail::retried(ec,
                  [&] { return ::renameat(opened_.get(), temporary.c_str(), opened_.get(), name.c_str()); });
  if (ec) ::unlinkat(opened_.get(), temporary.c_str(), 0);
}

HUBCACHE_DECL void folder::take(const std::string& from, const std::string& name,
                                std::error_code& ec) const noexcept {
  detail::retried(ec, [&] { return ::renameat(AT_FDCWD, from.c_str(), opened_.get(), name.c_str()); });
}

}  // namespace hubcache::inline v0_1::os
