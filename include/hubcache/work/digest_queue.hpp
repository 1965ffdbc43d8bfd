#pragma once
/// @file
/// Digests of many streams at once, on workers: the lane scheduler.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/work/workers.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace hubcache::inline v0_1 {

/// Hashes the streams that have bytes waiting: many of them at a time in the lanes of a multi-buffer kernel where
/// the hashes have one that is faster here, else one stream per worker; no stream waits for another that has no
/// bytes. At most workers::threads() jobs at a time, which yield to the other jobs of the pool every few MiB.
/// Thread-safe. Jobs posted last keep its state alive; the queue itself may be destroyed at any time.
class digest_queue {
  struct state;

 public:
  /// One message; copies name the same one. Calls for one stream come one at a time, from any thread.
  class stream {
   public:
    /// Appends `bytes`, hashes them some time, then runs `done` on a worker. `done` owns the bytes. In a pool that
    /// is destroyed it may be destroyed without having run.
    HUBCACHE_DECL void append(byte_view bytes, job done);
    /// Of everything appended. @pre the `done` of the last append has begun. Once.
    [[nodiscard]] HUBCACHE_DECL digest finish();

   private:
    friend class digest_queue;
    struct message;
    stream(std::shared_ptr<digest_queue::state> q, std::shared_ptr<message> m)
        : queue_(std::move(q)), message_(std::move(m)) {}

    std::shared_ptr<digest_queue::state> queue_;
    std::shared_ptr<message> message_;
  };

  /// @param hashes  what it refers to must outlive the last call of open()
  HUBCACHE_DECL digest_queue(workers& pool, const hash_set_ref& hashes);

  /// A new message of `size` bytes. May throw, as the construction of a hasher may.
  [[nodiscard]] HUBCACHE_DECL stream open(digest_algorithm algorithm, std::uint64_t size);

 private:
  std::shared_ptr<state> state_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/digest_queue.ipp>
#endif
