#pragma once

#include <hubcache/os/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/vfs.h>
#endif

namespace hubcache::inline v0_1::os {

namespace detail {

inline void fail(std::error_code& ec) noexcept { ec.assign(errno, std::system_category()); }

/// Runs a system call until a signal no longer interrupts it; sets `ec`.
template <class Call>
auto retried(std::error_code& ec, Call call) noexcept {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  if (result < 0) {
    fail(ec);
  } else {
    ec.clear();
  }
  return result;
}

HUBCACHE_DECL file_status from_stat(const struct stat& s) noexcept {
  constexpr std::int64_t second = 1'000'000'000;
  file_status result;
  result.identity.device = s.st_dev;
  result.identity.inode = s.st_ino;
  result.identity.size = static_cast<std::uint64_t>(s.st_size);
  result.identity.mtime_ns = s.st_mtim.tv_sec * second + s.st_mtim.tv_nsec;
  result.identity.ctime_ns = s.st_ctim.tv_sec * second + s.st_ctim.tv_nsec;
  result.mode = s.st_mode & 07777U;
  result.owner = s.st_uid;
  result.group = s.st_gid;
  result.links = s.st_nlink;
  result.allocated = static_cast<std::uint64_t>(s.st_blocks) * 512U;
  result.accessed_ns = s.st_atim.tv_sec * second + s.st_atim.tv_nsec;
  result.regular = S_ISREG(s.st_mode);
  result.directory = S_ISDIR(s.st_mode);
  result.symlink = S_ISLNK(s.st_mode);
  return result;
}

/// Opens `path`, as seen from the folder open as `at`, without following a final symlink and without hanging on a fifo;
/// regular files only.
HUBCACHE_DECL descriptor open_regular(int at, const std::string& path, int flags, std::uint32_t mode,
                                      std::error_code& ec) noexcept {
  descriptor file(retried(ec, [&] {
    return ::openat(at, path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, static_cast<mode_t>(mode));
  }));
  if (ec) return {};
  const auto s = os::status(file, ec);
  if (!ec && !s.regular) ec = std::make_error_code(std::errc::invalid_argument);
  return ec ? descriptor{} : std::move(file);
}

/// Runs `call` on `path` or, while that is missing, on its parents.
template <class Call>
void at_existing_parent(const std::string& path, std::error_code& ec, Call call) {
  for (std::filesystem::path at = path;; at = at.parent_path()) {
    retried(ec, [&] { return call(at.c_str()); });
    if (ec != std::errc::no_such_file_or_directory || !at.has_relative_path()) return;
  }
}

/// The type that statfs(2) gives for `path` or its nearest existing parent; 0 if it is not known.
HUBCACHE_DECL std::uint32_t file_system_type(const std::string& path) {
#if defined(__linux__)
  struct statfs s {};
  std::error_code ec;
  at_existing_parent(path, ec, [&s](const char* at) { return ::statfs(at, &s); });
  return ec ? 0 : static_cast<std::uint32_t>(s.f_type);
#else
  static_cast<void>(path);
  return 0;
#endif
}

/// A name beside `path` that nobody else uses.
HUBCACHE_DECL std::string temporary_neighbour(const std::string& path) {
  return path + "." + random_hex(8) + ".tmp";
}

/// Renames `temporary` to `path`, or removes it if `ec` is set already or the rename fails.
HUBCACHE_DECL void commit(const std::string& temporary, const std::string& path,
                          std::error_code& ec) noexcept {
  if (!ec) os::rename(temporary, path, ec);
  std::error_code ignored;
  if (ec) os::remove(temporary, ignored);
}

}  // namespace detail

HUBCACHE_DECL void descriptor::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

HUBCACHE_DECL void close_on_exec(int fd) noexcept { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

HUBCACHE_DECL file_status status(const descriptor& file, std::error_code& ec) noexcept {
  struct stat s {};
  detail::retried(ec, [&] { return ::fstat(file.get(), &s); });
  return ec ? file_status{} : detail::from_stat(s);
}

HUBCACHE_DECL file_status status(const std::string& path, std::error_code& ec, bool follow) noexcept {
  struct stat s {};
  detail::retried(ec,
                  [&] { return ::fstatat(AT_FDCWD, path.c_str(), &s, follow ? 0 : AT_SYMLINK_NOFOLLOW); });
  return ec ? file_status{} : detail::from_stat(s);
}

HUBCACHE_DECL descriptor open_read(const std::string& path, std::error_code& ec) noexcept {
  return detail::open_regular(AT_FDCWD, path, O_RDONLY, 0, ec);
}

HUBCACHE_DECL descriptor open_write(const std::string& path, std::error_code& ec) noexcept {
  return detail::open_regular(AT_FDCWD, path, O_RDWR, 0, ec);
}

HUBCACHE_DECL descriptor open_or_create(const std::string& path, std::uint32_t mode,
                                        std::error_code& ec) noexcept {
  return detail::open_regular(AT_FDCWD, path, O_RDWR | O_CREAT, mode, ec);
}

HUBCACHE_DECL descriptor create_new(const std::string& path, std::uint32_t mode,
                                    std::error_code& ec) noexcept {
  // What this makes is a regular file: to ask, and fail, would leave it behind.
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  return descriptor(
      detail::retried(ec, [&] { return ::open(path.c_str(), flags, static_cast<mode_t>(mode)); }));
}

HUBCACHE_DECL std::size_t read_at(const descriptor& file, std::span<std::byte> into, std::uint64_t offset,
                                  std::error_code& ec) noexcept {
  std::size_t done = 0;
  ec.clear();
  while (done < into.size()) {
    const auto n = detail::retried(ec, [&] {
      return ::pread(file.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    });
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

HUBCACHE_DECL bool same_bytes(const descriptor& a, const descriptor& b, std::uint64_t size,
                              std::error_code& ec) {
  constexpr std::size_t block = std::size_t{1} << 18U;
  const auto buffers = std::make_unique_for_overwrite<std::byte[]>(2 * block);
  ec.clear();
  for (std::uint64_t at = 0; at < size; at += block) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(block, size - at));
    const std::span of_a(buffers.get(), length);
    const std::span of_b(buffers.get() + block, length);
    const auto got_a = read_at(a, of_a, at, ec);
    const auto got_b = ec ? 0 : read_at(b, of_b, at, ec);
    if (ec || got_a != length || got_b != length || !std::equal(of_a.begin(), of_a.end(), of_b.begin()))
      return false;
  }
  return true;
}

HUBCACHE_DECL void write_at(const descriptor& file, byte_view bytes, std::uint64_t offset,
                            std::error_code& ec) noexcept {
  ec.clear();
  while (!bytes.empty()) {
    const auto n = detail::retried(
        ec, [&] { return ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n == 0) ec = std::make_error_code(std::errc::io_error);
    if (ec) return;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

HUBCACHE_DECL void resize(const descriptor& file, std::uint64_t size, std::error_code& ec) noexcept {
  detail::retried(ec, [&] { return ::ftruncate(file.get(), static_cast<off_t>(size)); });
}

HUBCACHE_DECL void reserve(const descriptor& file, std::uint64_t size, std::error_code& ec) noexcept {
  ec.clear();
  if (size == 0) return;
#if defined(FALLOC_FL_KEEP_SIZE)
  detail::retried(ec,
                  [&] { return ::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); });
  if (ec.value() != ENOSPC && ec.value() != EDQUOT) ec.clear();
#endif
}

HUBCACHE_DECL void set_mode(const descriptor& file, std::uint32_t mode, std::error_code& ec) noexcept {
  detail::retried(ec, [&] { return ::fchmod(file.get(), static_cast<mode_t>(mode)); });
}

HUBCACHE_DECL void start_sync(const descriptor& file) noexcept {
#if defined(SYNC_FILE_RANGE_WRITE)
  ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // a hint: errors come with sync()
#else
  static_cast<void>(file);
#endif
}

HUBCACHE_DECL void sync(const descriptor& file, std::error_code& ec) noexcept {
  detail::retried(ec, [&] { return ::fdatasync(file.get()); });
}

HUBCACHE_DECL void sync_directory(const std::string& folder, std::error_code& ec) noexcept {
  const descriptor opened(
      detail::retried(ec, [&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (ec) return;
  detail::retried(ec, [&] { return ::fsync(opened.get()); });
  if (ec.value() == EINVAL) ec.clear();  // some file systems cannot sync a folder
}

HUBCACHE_DECL std::string read_text(const std::string& path, std::size_t limit, std::error_code& ec) {
  const auto file = open_read(path, ec);
  if (ec) return {};
  const auto size = status(file, ec).identity.size;
  if (!ec && size > limit) ec = std::make_error_code(std::errc::file_too_large);
  if (ec) return {};
  std::string text(static_cast<std::size_t>(size), '\0');
  text.resize(read_at(file, std::as_writable_bytes(std::span(text)), 0, ec));
  return text;
}

HUBCACHE_DECL void replace_text(const std::string& path, std::string_view text, std::uint32_t mode,
                                std::error_code& ec, text_sync synced) {
  const auto temporary = detail::temporary_neighbour(path);
  {
    const auto file = create_new(temporary, mode, ec);
    if (!ec) write_at(file, as_byte_view(text), 0, ec);
    if (!ec && synced != text_sync::none) sync(file, ec);
  }
  detail::commit(temporary, path, ec);
  if (!ec && synced == text_sync::name) {
    sync_directory(std::filesystem::path(path).parent_path().string(), ec);
  }
}

HUBCACHE_DECL void touch(const std::string& path, std::error_code& ec) noexcept {
  if (::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0) {
    ec.clear();
  } else {
    static_cast<void>(create_new(path, 0600, ec));
  }
}

HUBCACHE_DECL void make_directories(const std::string& path, std::error_code& ec, std::uint32_t mode) {
  ec.clear();
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) return;
  if (errno == ENOENT) {
    const auto parent = std::filesystem::path(path).parent_path().string();
    if (!parent.empty() && parent != path) {
      make_directories(parent, ec, mode);
      if (ec || ::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) return;
    }
  }
  const int failure = errno;
  std::error_code unknown;
  if (failure == EEXIST && status(path, unknown, true).directory) return;
  ec.assign(failure == EEXIST ? ENOTDIR : failure, std::system_category());
}

HUBCACHE_DECL void rename(const std::string& from, const std::string& to, std::error_code& ec) noexcept {
  detail::retried(ec, [&] { return ::rename(from.c_str(), to.c_str()); });
}

HUBCACHE_DECL void remove(const std::string& path, std::error_code& ec) noexcept {
  detail::retried(ec, [&] { return ::unlink(path.c_str()); });
  if (ec.value() == ENOENT) ec.clear();
}

HUBCACHE_DECL std::vector<std::string> names_in(const std::string& folder, std::error_code& ec) {
  std::vector<std::string> names;
  const auto close_folder = [](DIR* d) { ::closedir(d); };
  const std::unique_ptr<DIR, decltype(close_folder)> opened(::opendir(folder.c_str()), close_folder);
  if (!opened) {
    detail::fail(ec);
    return names;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  ec.assign(errno, std::system_category());
  return names;
}

HUBCACHE_DECL std::uint64_t free_bytes(const std::string& path, std::error_code& ec) {
  struct statvfs s {};
  detail::at_existing_parent(path, ec, [&s](const char* at) { return ::statvfs(at, &s); });
  return ec ? 0 : std::uint64_t{s.f_bavail} * s.f_frsize;
}

HUBCACHE_DECL void sync_file_system(const std::string& path, std::error_code& ec) noexcept {
  const descriptor opened(
      detail::retried(ec, [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!ec) detail::retried(ec, [&] { return ::syncfs(opened.get()); });
}

HUBCACHE_DECL bool is_network_file_system(const std::string& path) {
  // statfs(2): NFS, SMB, CIFS, SMB2, CODA, AFS, Ceph, Lustre, GPFS, 9P.
  static constexpr std::array<std::uint32_t, 10> types{0x6969,     0x517B,     0xFF534D42, 0xFE534D42,
                                                       0x73757245, 0x5346414F, 0x00C36400, 0x0BD00BD0,
                                                       0x47504653, 0x01021997};
  return std::find(types.begin(), types.end(), detail::file_system_type(path)) != types.end();
}

HUBCACHE_DECL bool is_kernel_file_system(const std::string& path) {
  // statfs(2): proc, sysfs, devpts, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, pstore, selinuxfs.
  static constexpr std::array<std::uint32_t, 11> types{0x9FA0,     0x62656572, 0x1CD1,     0x27E0EB,
                                                       0x63677270, 0x64626720, 0x74726163, 0x73636673,
                                                       0xCAFE4A11, 0x6165676C, 0xF97CFF8C};
  return std::find(types.begin(), types.end(), detail::file_system_type(path)) != types.end();
}

HUBCACHE_DECL std::uint32_t default_file_mode() noexcept {
  // The umask can only be read by setting it, which other threads would see; /proc shows it without that.
  if (std::FILE* file = std::fopen("/proc/self/status", "re")) {
    std::array<char, 256> line;
    unsigned mask = 022;
    while (std::fgets(line.data(), static_cast<int>(line.size()), file) != nullptr) {
      if (std::string_view(line.data()).starts_with("Umask:")) {
        mask = static_cast<unsigned>(std::strtoul(line.data() + 6, nullptr, 8));
        break;
      }
    }
    std::fclose(file);
    return 0666U & ~mask;
  }
  return 0644U;
}

HUBCACHE_DECL std::uint32_t effective_user() noexcept { return ::geteuid(); }

HUBCACHE_DECL std::uint32_t effective_group() noexcept { return ::getegid(); }

HUBCACHE_DECL bool is_readable(const std::string& path) noexcept {
  return ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0;
}

HUBCACHE_DECL bool is_readable(const std::string& path, const file_status& known) noexcept {
  return (known.owner == ::geteuid() && (known.mode & 0400U) != 0) || is_readable(path);
}

HUBCACHE_DECL std::string absolute_path(const std::string& path) {
  auto result = std::filesystem::absolute(path).lexically_normal().string();
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

HUBCACHE_DECL std::string random_hex(std::size_t digits) {
  std::array<std::byte, 16> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) != 0) throw std::system_error(errno, std::system_category());
  return digest(digest_algorithm::sha256, bytes).hex().substr(0, std::min<std::size_t>(digits, 32));
}

}  // namespace hubcache::inline v0_1::os
