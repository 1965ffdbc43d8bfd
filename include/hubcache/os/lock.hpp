#pragma once
/// @file
/// Advisory locks between processes, by flock(2) as the Hub's clients take them (facts: hub-protocol 4.2).
/// They keep work from being done twice; correctness never rests on them.

#include <hubcache/os/file.hpp>

#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace hubcache::inline v0_1::os {

enum class lock_mode : unsigned char { shared, exclusive };

enum class lock_outcome : unsigned char {
  granted,
  held,  ///< By somebody else; or `ec` says what went wrong.
  gone,  ///< `path` names another file by now: the lock would exclude nobody.
};

/// Tries to lock an open file without waiting; closing it releases the lock. Where the file system knows no
/// locks, it is granted: it would never be otherwise.
[[nodiscard]] HUBCACHE_DECL lock_outcome try_lock(const descriptor& file, const std::string& path,
                                                  lock_mode mode, std::error_code& ec) noexcept;

/// A held lock; released on destruction or by the end of the process.
class file_lock {
 public:
  file_lock() noexcept = default;

  /// Tries to lock the file `path` (created with mode 0664 if missing), without waiting.
  /// @return The lock, or none if somebody else holds it (`ec` clear) or the file cannot be made (`ec` set).
  [[nodiscard]] HUBCACHE_DECL static std::optional<file_lock> try_lock(const std::string& path,
                                                                       lock_mode mode, std::error_code& ec);

  /// Makes the release also remove the file, if it is still the one locked. try_lock() stays correct: it
  /// notices a file that was removed between open and lock.
  void remove_on_release() noexcept { remove_ = true; }

  file_lock(file_lock&& other) noexcept
      : file_(std::move(other.file_)),
        path_(std::move(other.path_)),
        remove_(std::exchange(other.remove_, false)) {}
  file_lock& operator=(file_lock&& other) noexcept {
    if (this != &other) {
      release();
      file_ = std::move(other.file_);
      path_ = std::move(other.path_);
      remove_ = std::exchange(other.remove_, false);
    }
    return *this;
  }
  ~file_lock() { release(); }
  HUBCACHE_DECL void release() noexcept;

 private:
  descriptor file_;
  std::string path_;
  bool remove_ = false;
};

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_lock.ipp>
#endif
