#include "disk_faults/disk_calls.hpp"

#include <climits>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdexcept>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace test {

namespace {

struct watch_state {
  std::mutex mutex;  // held while a watched call is made
  std::string below;
  std::function<call_fate(const seen_call&)> decide;
};

watch_state& state() {
  static watch_state the_state;
  return the_state;
}

std::atomic<bool> watching = false;
std::atomic<std::int64_t> clock_offset = 0;  // seconds
thread_local bool deciding = false;

/// The function that this program would call if it had none of its own.
template <class Function>
Function libc(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

std::string path_of(int fd) {
  std::array<char, PATH_MAX> text;
  const auto n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), text.data(), text.size());
  return n < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(n));
}

std::string path_of(int folder, const char* name) {
  return *name == '/' || folder == AT_FDCWD ? name : path_of(folder) + "/" + name;
}

/// Makes a call by `make(halved)`, or lets it fail with `failed` as its result.
template <class Look, class Make, class Result>
Result watched(Look look, Make make, Result failed) {
  if (!watching || deciding) return make(false);
  auto& now = state();
  const std::lock_guard lock(now.mutex);
  if (!now.decide) return make(false);
  deciding = true;
  const seen_call call = look();
  const auto fate = call.path.starts_with(now.below) ? now.decide(call) : call_fate();
  deciding = false;
  if (fate.error == 0) return make(fate.halved);
  errno = fate.error;
  return failed;
}

template <class Make>
int watched_at(disk_call kind, int folder, const char* name, Make make) {
  return watched(
      [&] {
        return seen_call{kind, path_of(folder, name), {}};
      },
      [&](bool) { return make(); }, -1);
}

template <class Make>
int watched_file(disk_call kind, int fd, Make make) {
  return watched([&] { return seen_call{kind, path_of(fd), {}}; }, [&](bool) { return make(); }, -1);
}

template <class Make>
int watched_move(disk_call kind, int from, const char* name, int to, const char* as, Make make) {
  return watched(
      [&] {
        return seen_call{kind, path_of(from, name), path_of(to, as)};
      },
      [&](bool) { return make(); }, -1);
}

}  // namespace

std::string_view name_of(disk_call kind) noexcept {
  constexpr std::array<std::string_view, all_disk_calls.size()> names{
      "open",   "list",        "status",      "read",     "write",     "copy",      "reserve",
      "resize", "sync",        "sync_folder", "rename",   "link",      "symlink",   "read_link",
      "remove", "make_folder", "lock",        "set_mode", "set_times", "free_space"};
  return names[static_cast<std::size_t>(kind)];
}

disk_watch::disk_watch(std::string below, std::function<call_fate(const seen_call&)> decide) {
  auto& now = state();
  const std::lock_guard lock(now.mutex);
  if (now.decide) throw std::logic_error("two watches at once");
  now.below = std::move(below);
  now.decide = std::move(decide);
  watching = true;
}

disk_watch::~disk_watch() {
  auto& now = state();
  const std::lock_guard lock(now.mutex);
  watching = false;
  now.decide = nullptr;
}

nth_failure::nth_failure(const std::string& below, std::function<bool(const seen_call&)> chosen,
                         std::size_t n, call_fate fate, bool onwards)
    : n_(n), watch_(below, [this, chosen = std::move(chosen), fate, onwards](const seen_call& call) {
        if (!chosen(call)) return call_fate();
        if (++seen_ == n_) first_ = call;
        return seen_ == n_ || (onwards && seen_ > n_) ? fate : call_fate();
      }) {}

clock_jump::clock_jump(std::chrono::seconds by) { clock_offset = by.count(); }
clock_jump::~clock_jump() { clock_offset = 0; }

}  // namespace test

using test::disk_call;

// In place of libc's. NOLINTBEGIN: names and parameters are libc's.
extern "C" {

int open(const char* path, int flags, ...) {
  static const auto next = test::libc<int (*)(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return test::watched_at(disk_call::open, AT_FDCWD, path, [=] { return next(path, flags, mode); });
}

int openat(int folder, const char* path, int flags, ...) {
  static const auto next = test::libc<int (*)(int, const char*, int, ...)>("openat");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return test::watched_at(disk_call::open, folder, path, [=] { return next(folder, path, flags, mode); });
}

DIR* opendir(const char* path) {
  static const auto next = test::libc<decltype(&::opendir)>("opendir");
  return test::watched(
      [=] {
        return test::seen_call{disk_call::open, path, {}};
      },
      [=](bool) { return next(path); }, static_cast<DIR*>(nullptr));
}

dirent* readdir(DIR* folder) {
  static const auto next = test::libc<decltype(&::readdir)>("readdir");
  return test::watched(
      [=] {
        return test::seen_call{disk_call::list, test::path_of(::dirfd(folder)), {}};
      },
      [=](bool) { return next(folder); }, static_cast<dirent*>(nullptr));
}

int fstat(int fd, struct stat* into) noexcept {
  static const auto next = test::libc<int (*)(int, struct stat*)>("fstat");
  return test::watched_file(disk_call::status, fd, [=] { return next(fd, into); });
}

int fstatat(int folder, const char* path, struct stat* into, int flags) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, struct stat*, int)>("fstatat");
  return test::watched_at(disk_call::status, folder, path, [=] { return next(folder, path, into, flags); });
}

ssize_t pread(int fd, void* into, size_t size, off_t at) {
  static const auto next = test::libc<ssize_t (*)(int, void*, size_t, off_t)>("pread");
  return test::watched(
      [=] {
        return test::seen_call{disk_call::read, test::path_of(fd), {}};
      },
      [=](bool halved) { return next(fd, into, halved ? (size + 1) / 2 : size, at); }, ssize_t{-1});
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  static const auto next = test::libc<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return test::watched(
      [=] {
        return test::seen_call{disk_call::write, test::path_of(fd), {}};
      },
      [=](bool halved) { return next(fd, from, halved ? (size + 1) / 2 : size, at); }, ssize_t{-1});
}

ssize_t copy_file_range(int from, off64_t* in, int to, off64_t* out, size_t size, unsigned flags) {
  static const auto next = test::libc<decltype(&::copy_file_range)>("copy_file_range");
  return test::watched(
      [=] {
        return test::seen_call{disk_call::copy, test::path_of(from), test::path_of(to)};
      },
      [=](bool halved) { return next(from, in, to, out, halved ? (size + 1) / 2 : size, flags); },
      ssize_t{-1});
}

int fallocate(int fd, int mode, off_t at, off_t size) {
  static const auto next = test::libc<int (*)(int, int, off_t, off_t)>("fallocate");
  return test::watched_file(disk_call::reserve, fd, [=] { return next(fd, mode, at, size); });
}

int ftruncate(int fd, off_t size) noexcept {
  static const auto next = test::libc<int (*)(int, off_t)>("ftruncate");
  return test::watched_file(disk_call::resize, fd, [=] { return next(fd, size); });
}

int fdatasync(int fd) {
  static const auto next = test::libc<int (*)(int)>("fdatasync");
  return test::watched_file(disk_call::sync, fd, [=] { return next(fd); });
}

int fsync(int fd) {
  static const auto next = test::libc<int (*)(int)>("fsync");
  return test::watched_file(disk_call::sync_folder, fd, [=] { return next(fd); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto next = test::libc<int (*)(const char*, const char*)>("rename");
  return test::watched_move(disk_call::rename, AT_FDCWD, from, AT_FDCWD, to, [=] { return next(from, to); });
}

int renameat(int folder, const char* from, int into, const char* to) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, int, const char*)>("renameat");
  return test::watched_move(disk_call::rename, folder, from, into, to,
                            [=] { return next(folder, from, into, to); });
}

int renameat2(int folder, const char* from, int into, const char* to, unsigned flags) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  return test::watched_move(disk_call::rename, folder, from, into, to,
                            [=] { return next(folder, from, into, to, flags); });
}

int linkat(int folder, const char* from, int into, const char* to, int flags) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, int, const char*, int)>("linkat");
  return test::watched_at(disk_call::link, into, to, [=] { return next(folder, from, into, to, flags); });
}

int symlinkat(const char* target, int folder, const char* path) noexcept {
  static const auto next = test::libc<int (*)(const char*, int, const char*)>("symlinkat");
  return test::watched_at(disk_call::symlink, folder, path, [=] { return next(target, folder, path); });
}

ssize_t readlinkat(int folder, const char* path, char* into, size_t size) noexcept {
  static const auto next = test::libc<ssize_t (*)(int, const char*, char*, size_t)>("readlinkat");
  return test::watched(
      [=] {
        return test::seen_call{disk_call::read_link, test::path_of(folder, path), {}};
      },
      [=](bool) { return next(folder, path, into, size); }, ssize_t{-1});
}

int unlink(const char* path) noexcept {
  static const auto next = test::libc<int (*)(const char*)>("unlink");
  return test::watched_at(disk_call::remove, AT_FDCWD, path, [=] { return next(path); });
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, int)>("unlinkat");
  return test::watched_at(disk_call::remove, folder, path, [=] { return next(folder, path, flags); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto next = test::libc<int (*)(const char*, mode_t)>("mkdir");
  return test::watched_at(disk_call::make_folder, AT_FDCWD, path, [=] { return next(path, mode); });
}

int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, mode_t)>("mkdirat");
  return test::watched_at(disk_call::make_folder, folder, path, [=] { return next(folder, path, mode); });
}

int flock(int fd, int operation) noexcept {
  static const auto next = test::libc<int (*)(int, int)>("flock");
  return test::watched_file(disk_call::lock, fd, [=] { return next(fd, operation); });
}

int fchmod(int fd, mode_t mode) noexcept {
  static const auto next = test::libc<int (*)(int, mode_t)>("fchmod");
  return test::watched_file(disk_call::set_mode, fd, [=] { return next(fd, mode); });
}

int utimensat(int folder, const char* path, const timespec times[2], int flags) noexcept {
  static const auto next = test::libc<int (*)(int, const char*, const timespec*, int)>("utimensat");
  return test::watched_at(disk_call::set_times, folder, path,
                          [=] { return next(folder, path, times, flags); });
}

int statvfs(const char* path, struct statvfs* into) noexcept {
  static const auto next = test::libc<int (*)(const char*, struct statvfs*)>("statvfs");
  return test::watched_at(disk_call::free_space, AT_FDCWD, path, [=] { return next(path, into); });
}

int clock_gettime(clockid_t which, timespec* into) noexcept {
  static const auto next = test::libc<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int result = next(which, into);
  if (which == CLOCK_REALTIME && result == 0) into->tv_sec += test::clock_offset.load();
  return result;
}

}  // extern "C"
// NOLINTEND
