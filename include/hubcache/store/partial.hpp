#pragma once
/// @file
/// A file being filled: what of it is there, and the hash that follows the
/// frontier.

#include <hubcache/os/file.hpp>
#include <hubcache/store/byte_ranges.hpp>
#include <hubcache/work/digest_queue.hpp>
#include <hubcache/work/workers.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Content on its way to a final name. As long as it has no gaps the file's
/// length is its journal: after a crash the whole file is a candidate prefix.
/// With gaps a journal lies behind the place of the last byte, until nothing is
/// missing. Whatever was there before is hashed before it is believed.
///
/// The hash follows the frontier through a digest_queue: bytes written at its
/// position are hashed from the same memory, others are read back when the
/// frontier has passed them. Reading back ends when nobody holds the partial.
///
/// Thread safety: open(), write() and restart() block and come one at a time;
/// the others may be called at any time.
class partial : public std::enable_shared_from_this<partial> {
 public:
  /// Opens or creates the file `path` and locks it; resumes what is there if it
  /// can be part of `what`, and begins to hash it. Where the file system knows
  /// no locks, it takes that file for itself by another name, or begins one of
  /// its own if somebody else has taken it; unpublished, it gives it back.
  /// @return null with `ec` clear if another process fills it now, null with
  /// `ec` set if it cannot be opened.
  [[nodiscard]] HUBCACHE_DECL static std::shared_ptr<partial> open(const std::string& path,
                                                                   const content& what, digest_queue digests,
                                                                   std::error_code& ec);

  partial(const partial&) = delete;
  partial& operator=(const partial&) = delete;
  HUBCACHE_DECL ~partial();

  /// How many bytes were there when opened.
  [[nodiscard]] std::uint64_t resumed() const noexcept { return resumed_; }
  /// The content that it shall hold.
  [[nodiscard]] const content& what() const noexcept { return what_; }
  /// Absolute.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Open for reading and writing.
  [[nodiscard]] const os::descriptor& file() const noexcept { return file_; }

  /// Puts `bytes` at `offset`, hashes them while they are warm if all before
  /// them is hashed or being hashed, then runs `done`, which owns them. After a
  /// failure nothing more is written.
  HUBCACHE_DECL void write(byte_view bytes, std::uint64_t offset, job done);
  /// What is in the file.
  [[nodiscard]] HUBCACHE_DECL byte_ranges there() const;
  /// Calls `done` once, on some thread, when the hash has met the frontier of
  /// all bytes written so far, or cannot. To be called after the last write().
  HUBCACHE_DECL void when_hashed(job done);
  /// The first error of write() and of reading back, else none.
  [[nodiscard]] HUBCACHE_DECL std::error_code failure() const;
  /// After when_hashed(): the digest of everything up to the frontier. Once.
  [[nodiscard]] HUBCACHE_DECL digest finish();
  /// Throws everything away and starts from byte 0.
  HUBCACHE_DECL void restart(std::error_code& ec);

 private:
  partial(std::string path, const content& what, digest_queue digests);
  void use_own_file(std::error_code& ec);
  void resume(std::error_code& ec);
  [[nodiscard]] std::error_code put(byte_view bytes, std::uint64_t offset);
  [[nodiscard]] std::error_code write_journal();
  [[nodiscard]] bool leaves_gap(std::uint64_t offset) const;
  void fail(const std::error_code& ec);
  /// Hashes what is there between the hash and the frontier, unless that is
  /// going on.
  void catch_up();
  /// The next piece of it.
  void read_back(std::uint64_t round);
  void hashed(std::uint64_t bytes, std::uint64_t round);
  /// Runs the waiter if its time has come. @pre `lock` holds mutex_
  void wake(std::unique_lock<std::mutex> lock);

  const content what_;
  std::string path_;
  std::string shared_path_;  // where others look for it; empty while that is `path_`
  digest_queue digests_;
  os::descriptor file_;
  std::uint64_t resumed_ = 0;
  bool journalled_ = false;  // there are gaps, or were

  mutable std::mutex mutex_;  // guards the rest; stream_ is used by whoever moves queued_ on
  digest_queue::stream stream_;
  byte_ranges there_;
  std::uint64_t queued_ = 0;  // bytes given to stream_
  std::uint64_t hashed_ = 0;
  bool reading_ = false;     // read_back() moves queued_ on, else write()
  std::uint64_t round_ = 0;  // counts restarts
  std::error_code failure_;
  job waiter_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/partial.ipp>
#endif
