#pragma once
/// @file
/// A file being filled: its contiguous frontier, and the hash that follows it.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/work/workers.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Content on its way to a final name. The file's length is its journal: bytes are appended in order, so after a
/// crash the whole file is a candidate prefix. It is hashed again before it is believed.
///
/// Thread safety: write() calls come one at a time; catch_up() may run beside them; finish() may be called at any
/// time. Held by shared_ptr: jobs keep it alive when nobody waits for them any more.
class partial {
 public:
  /// Opens or creates the file `path` and locks it; resumes what is there if it is not longer than `what`.
  /// @return null with `ec` clear if another process fills it now, null with `ec` set if it cannot be opened.
  [[nodiscard]] HUBCACHE_DECL static std::shared_ptr<partial> open(const std::string& path,
                                                                   const content& what,
                                                                   const hash_set_ref& hashes,
                                                                   std::error_code& ec);

  /// Bytes already there when opened: where to resume.
  [[nodiscard]] std::uint64_t resumed() const noexcept { return resumed_; }
  [[nodiscard]] const content& what() const noexcept { return what_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const os::descriptor& file() const noexcept { return file_; }

  /// Appends `bytes` at `offset`, which is the present frontier, and hashes them while they are warm. Blocking.
  HUBCACHE_DECL void write(byte_view bytes, std::uint64_t offset);
  /// Hashes what was there before until it meets the frontier. Blocking; one call after open(), on any thread.
  HUBCACHE_DECL void catch_up(const std::stop_token& stop);
  /// Calls `done` once, on some thread, when the hash has met the frontier of all bytes written so far. To be
  /// called after the last write().
  HUBCACHE_DECL void when_hashed(job done);
  /// After when_hashed(): the first error of write() or catch_up(), else none.
  [[nodiscard]] HUBCACHE_DECL std::error_code failure() const;
  /// After when_hashed(): the digest of everything written. Once.
  [[nodiscard]] HUBCACHE_DECL digest finish();
  /// Throws everything away and starts from byte 0. @pre no write() or catch_up() runs.
  HUBCACHE_DECL void restart(std::error_code& ec);
  [[nodiscard]] HUBCACHE_DECL std::uint64_t frontier() const;

 private:
  partial(const content& what, const hash_set_ref& hashes)
      : what_(what), hashes_(hashes), hash_(hashes.make(what.name.algorithm(), what.size)) {}
  void fail(const std::error_code& ec);
  /// With the lock held: what to run once the lock is free, if the hash has met the frontier.
  [[nodiscard]] job take_waiter();

  content what_;
  hash_set_ref hashes_;
  std::string path_;
  os::descriptor file_;
  std::uint64_t resumed_ = 0;

  mutable std::mutex mutex_;
  any_hasher hash_;       // used by whoever set hashing_
  bool hashing_ = false;  // guarded by mutex_, as are the following
  std::uint64_t written_ = 0;
  std::uint64_t hashed_ = 0;
  std::error_code failure_;
  job waiter_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/partial.ipp>
#endif
