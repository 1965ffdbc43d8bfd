#pragma once
/// @file
/// The file system calls of this program, the library's among them: disk_calls.cpp defines them in place of libc's, so
/// that a test can see each before it is made, let it fail, or let something happen first.

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace test {

enum class disk_call : unsigned char {
  open,         ///< open, openat, opendir
  list,         ///< readdir
  status,       ///< fstat, fstatat
  read,         ///< pread
  write,        ///< pwrite
  copy,         ///< copy_file_range
  reserve,      ///< fallocate
  resize,       ///< ftruncate
  sync,         ///< fdatasync
  sync_folder,  ///< fsync
  rename,       ///< rename, renameat, renameat2
  link,         ///< linkat
  symlink,      ///< symlinkat
  read_link,    ///< readlinkat
  remove,       ///< unlink, unlinkat
  make_folder,  ///< mkdir, mkdirat
  lock,         ///< flock
  set_mode,     ///< fchmod
  set_times,    ///< utimensat
  free_space,   ///< statvfs
};
inline constexpr std::array all_disk_calls{
    disk_call::open,    disk_call::list,        disk_call::status,    disk_call::read,
    disk_call::write,   disk_call::copy,        disk_call::reserve,   disk_call::resize,
    disk_call::sync,    disk_call::sync_folder, disk_call::rename,    disk_call::link,
    disk_call::symlink, disk_call::read_link,   disk_call::remove,    disk_call::make_folder,
    disk_call::lock,    disk_call::set_mode,    disk_call::set_times, disk_call::free_space};

/// As in disk_call.
[[nodiscard]] std::string_view name_of(disk_call kind) noexcept;

/// A call that is about to be made.
struct seen_call {
  disk_call kind = disk_call::open;
  std::string path;  ///< Absolute; of an open file, the name it has now.
  std::string to;    ///< The new name of a rename or link.
  std::thread::id thread = std::this_thread::get_id();
};

/// What becomes of it.
struct call_fate {
  int error = 0;        ///< It fails with this errno.
  bool halved = false;  ///< Of a read or write: half of it is done.
};

/// While it lives, `decide` is asked about every call on a path that begins with `below`, by any thread. Calls are made
/// one at a time then, so that they come in the order in which it saw them; its own calls are not watched. One at a time.
class disk_watch {
 public:
  disk_watch(std::string below, std::function<call_fate(const seen_call&)> decide);
  disk_watch(const disk_watch&) = delete;
  disk_watch& operator=(const disk_watch&) = delete;
  ~disk_watch();
};

/// Lets the nth call that `chosen` agrees to fail: once, or with all that follow.
class nth_failure {
 public:
  nth_failure(const std::string& below, std::function<bool(const seen_call&)> chosen, std::size_t n,
              call_fate fate, bool onwards);

  /// Whether it came to that.
  [[nodiscard]] bool met() const noexcept { return seen_ >= n_; }
  /// The first call that failed.
  [[nodiscard]] const seen_call& first() const noexcept { return first_; }

 private:
  std::size_t n_;
  std::size_t seen_ = 0;  // written under the watch; read when the work is over
  seen_call first_;
  disk_watch watch_;
};

/// While it lives, the system's clock goes wrong by this much.
class clock_jump {
 public:
  explicit clock_jump(std::chrono::seconds by);
  clock_jump(const clock_jump&) = delete;
  clock_jump& operator=(const clock_jump&) = delete;
  ~clock_jump();
};

}  // namespace test
