#pragma once

#include <hubcache/impl/os_file.ipp>
#include <hubcache/os/folder.hpp>

namespace hubcache::inline v0_1::os {

namespace detail {

HUBCACHE_DECL folder_entry::type kind_of(const folder& in, const dirent& entry) noexcept {
  using enum folder_entry::type;
  switch (entry.d_type) {
    case DT_REG:
      return file;
    case DT_DIR:
      return folder;
    case DT_LNK:
      return symlink;
    case DT_UNKNOWN: {  // some file systems do not say
      std::error_code ec;
      const auto s = in.status(entry.d_name, ec);
      return s.regular ? file : s.directory ? folder : s.symlink ? symlink : other;
    }
    default:
      return other;
  }
}

}  // namespace detail

HUBCACHE_DECL folder folder::open(const std::string& path, std::error_code& ec) {
  folder result;
  result.opened_ = descriptor(
      detail::retried(ec, [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  return result;
}

HUBCACHE_DECL folder folder::open_below(const std::string& base, const std::string& path, std::error_code& ec,
                                        std::uint32_t mode) {
  auto root = open(base, ec);
  if (ec || path == base) return root;
  const auto head = base.ends_with('/') ? base : base + "/";
  if (!path.starts_with(head)) {
    ec = std::make_error_code(std::errc::invalid_argument);
    return {};
  }
  return root.parent_of(path.substr(head.size()) + "/.", ec, mode);
}

HUBCACHE_DECL folder folder::make_below(const std::string& base, const std::string& path, std::error_code& ec,
                                        std::uint32_t mode) {
  auto result = open_below(base, path, ec, mode);
  if (ec != std::errc::no_such_file_or_directory) return result;
  // `mode` is that of what is ours: what lies around it is as others expect it.
  if (const auto around = parent_path(base); around != base) make_directories(around, ec);
  if (!ec || ec == std::errc::no_such_file_or_directory) make_directories(base, ec, mode);
  return ec ? folder() : open_below(base, path, ec, mode);
}

HUBCACHE_DECL folder folder::parent_of(std::string_view path, std::error_code& ec, std::uint32_t mode) const {
  folder at;
  at.opened_ = descriptor(detail::retried(ec, [&] { return ::fcntl(opened_.get(), F_DUPFD_CLOEXEC, 0); }));
  for (auto slash = path.find('/'); !ec && slash != path.npos; slash = path.find('/')) {
    const std::string name(path.substr(0, slash));
    path.remove_prefix(slash + 1);
    if (name.empty()) continue;
    const auto open_next = [&] {
      return ::openat(at.opened_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    };
    int next = detail::retried(ec, open_next);
    if (ec == std::errc::no_such_file_or_directory) {
      if (::mkdirat(at.opened_.get(), name.c_str(), static_cast<mode_t>(mode)) != 0 && errno != EEXIST) {
        detail::fail(ec);
        break;
      }
      next = detail::retried(ec, open_next);
    }
    at.opened_ = descriptor(next);
  }
  return ec ? folder() : std::move(at);  // never a folder on the way
}

HUBCACHE_DECL folder folder::child(const std::string& name, std::error_code& ec) const {
  folder result;
  result.opened_ = descriptor(detail::retried(ec, [&] {
    return ::openat(opened_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }));
  return result;
}

HUBCACHE_DECL std::vector<folder_entry> folder::entries(std::error_code& ec) const {
  std::vector<folder_entry> found;
  // A description of its own: reading moves the position that duplicates share.
  const int own =
      detail::retried(ec, [&] { return ::openat(opened_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (ec) return found;
  const auto close_folder = [](DIR* d) { ::closedir(d); };
  const std::unique_ptr<DIR, decltype(close_folder)> opened(::fdopendir(own), close_folder);
  if (!opened) {
    detail::fail(ec);
    ::close(own);
    return found;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") found.emplace_back(std::string(name), detail::kind_of(*this, *entry));
    errno = 0;
  }
  ec.assign(errno, std::system_category());
  return found;
}

HUBCACHE_DECL file_status folder::status(const std::string& name, std::error_code& ec,
                                         bool follow) const noexcept {
  struct stat s {};
  detail::retried(
      ec, [&] { return ::fstatat(opened_.get(), name.c_str(), &s, follow ? 0 : AT_SYMLINK_NOFOLLOW); });
  return ec ? file_status{} : detail::from_stat(s);
}

HUBCACHE_DECL bool folder::is_readable(const std::string& name, const file_status& known) const noexcept {
  if (known.owner == ::geteuid() && (known.mode & 0400U) != 0) return true;
  return ::faccessat(opened_.get(), name.c_str(), R_OK, AT_EACCESS) == 0;
}

HUBCACHE_DECL descriptor folder::open_read(const std::string& name, std::error_code& ec) const noexcept {
  return detail::open_regular(opened_.get(), name, O_RDONLY, 0, ec);
}

HUBCACHE_DECL descriptor folder::open_or_create(const std::string& name, std::uint32_t mode,
                                                std::error_code& ec) const noexcept {
  return detail::open_regular(opened_.get(), name, O_RDWR | O_CREAT, mode, ec);
}

HUBCACHE_DECL descriptor folder::create_new(const std::string& name, std::uint32_t mode,
                                            std::error_code& ec) const noexcept {
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  return descriptor(detail::retried(
      ec, [&] { return ::openat(opened_.get(), name.c_str(), flags, static_cast<mode_t>(mode)); }));
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

HUBCACHE_DECL void folder::move(const std::string& name, const folder& to, const std::string& as,
                                std::error_code& ec) const noexcept {
  detail::retried(ec, [&] { return ::renameat(opened_.get(), name.c_str(), to.opened_.get(), as.c_str()); });
}

HUBCACHE_DECL void folder::hard_link(const std::string& name, const folder& to, const std::string& as,
                                     std::error_code& ec) const noexcept {
  const auto have = status(name, ec);
  if (!ec && !have.regular) ec = std::make_error_code(std::errc::invalid_argument);
  if (ec) return;
  detail::retried(ec, [&] { return ::linkat(opened_.get(), name.c_str(), to.opened_.get(), as.c_str(), 0); });
}

HUBCACHE_DECL void folder::link_opened(const descriptor& file, const std::string& name,
                                       std::error_code& ec) const noexcept {
  const auto opened = "/proc/self/fd/" + std::to_string(file.get());
  detail::retried(
      ec, [&] { return ::linkat(AT_FDCWD, opened.c_str(), opened_.get(), name.c_str(), AT_SYMLINK_FOLLOW); });
}

HUBCACHE_DECL void folder::remove(const std::string& name, std::error_code& ec) const noexcept {
  detail::retried(ec, [&] { return ::unlinkat(opened_.get(), name.c_str(), 0); });
  if (ec.value() == ENOENT) ec.clear();
}

HUBCACHE_DECL void folder::remove_folder(const std::string& name, std::error_code& ec) const noexcept {
  detail::retried(ec, [&] { return ::unlinkat(opened_.get(), name.c_str(), AT_REMOVEDIR); });
  if (ec.value() == ENOENT) ec.clear();
}

HUBCACHE_DECL bool is_trusted_link(const file_status& link, const file_status& folder) noexcept {
  return link.owner == ::geteuid() || link.owner == 0 || link.owner == folder.owner;
}

}  // namespace hubcache::inline v0_1::os
