#pragma once
/// @file
/// Advisory locks between processes, by flock(2) as the Hub's clients take them.
/// They keep work from being done twice; correctness never rests on them.

#include <hubcache/os/file.hpp>
#include <hubcache/os/folder.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace hubcache::inline v0_1::os {

/// Shared locks exclude exclusive ones only.
enum class lock_mode : unsigned char { shared, exclusive };

/// What became of a try.
enum class lock_outcome : unsigned char {
  granted,
  held,         ///< By somebody else; or `ec` says what went wrong.
  gone,         ///< `path` names another file by now: the lock would exclude nobody.
  unsupported,  ///< The file system knows no locks: everybody is told so.
};

/// Tries to lock an open file without waiting; closing it releases the lock.
[[nodiscard]] HUBCACHE_DECL lock_outcome try_lock(const descriptor& file, const std::string& path,
                                                  lock_mode mode, std::error_code& ec) noexcept;

/// A lock on one byte of a file, against all other openings of it (fcntl(2), "open file description locks"): many locks
/// for the price of one file. Released on destruction, or when nobody has the file open any more.
class byte_lock {
 public:
  /// Tries to lock the byte `at` of a file open for writing, without waiting. The byte need not exist.
  /// @param at below 2^63. Two locks on one byte by one opening are both granted.
  /// @return none if another opening holds it (`ec` clear), or where the system has no such locks (`ec` is
  ///         std::errc::function_not_supported).
  [[nodiscard]] HUBCACHE_DECL static std::optional<byte_lock> try_lock(std::shared_ptr<const descriptor> file,
                                                                       std::uint64_t at, std::error_code& ec);

  byte_lock(byte_lock&&) noexcept = default;
  /// Gives its own lock up first.
  byte_lock& operator=(byte_lock&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(at_, other.at_);
    return *this;
  }
  HUBCACHE_DECL ~byte_lock();

 private:
  byte_lock(std::shared_ptr<const descriptor> file, std::uint64_t at) noexcept
      : file_(std::move(file)), at_(at) {}

  std::shared_ptr<const descriptor> file_;  // null when moved from
  std::uint64_t at_ = 0;
};

/// A held lock; released on destruction or by the end of the process.
class file_lock {
 public:
  file_lock() noexcept = default;

  /// Tries to lock the file `path` (created with mode 0664 if missing), without waiting. Where the file system knows no
  /// locks, it is granted, and excludes nobody: it would never be otherwise.
  /// @return The lock, or none if somebody else holds it (`ec` clear) or the file cannot be made (`ec` set).
  [[nodiscard]] HUBCACHE_DECL static std::optional<file_lock> try_lock(const std::string& path,
                                                                       lock_mode mode, std::error_code& ec);
  /// The same for a file in the open folder `in`, which has the path `path`.
  [[nodiscard]] HUBCACHE_DECL static std::optional<file_lock> try_lock(const folder& in,
                                                                       const std::string& path,
                                                                       lock_mode mode, std::error_code& ec);

  /// Makes the release also remove the file, if it is still the one locked. try_lock() stays correct: it
  /// notices a file that was removed between open and lock.
  void remove_on_release() noexcept { remove_ = true; }

  /// Takes the lock of `other`, which has none then.
  file_lock(file_lock&& other) noexcept
      : file_(std::move(other.file_)),
        path_(std::move(other.path_)),
        remove_(std::exchange(other.remove_, false)) {}
  /// Gives its own lock up first.
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
  /// Gives the lock up now.
  HUBCACHE_DECL void release() noexcept;

 private:
  template <class Open>
  static std::optional<file_lock> lock_opened(Open open, const std::string& path, lock_mode mode,
                                              std::error_code& ec);

  descriptor file_;
  std::string path_;
  bool remove_ = false;
};

}  // namespace hubcache::inline v0_1::os

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/os_lock.ipp>
#endif
