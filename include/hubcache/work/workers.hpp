#pragma once
/// @file
/// Threads for blocking work: file writes, hashes, links, syncs. No Asio here.

#include <hubcache/config.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// A move-only `void()` callable. What a job touches, it owns: whoever waits for it may be gone by then.
class job {
 public:
  job() noexcept = default;
  /// Keeps `f`, which need not be copyable.
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, job>) job(F&& f)  // NOLINT: callables become jobs
      : call_(std::make_unique<model<std::decay_t<F>>>(std::forward<F>(f))) {}
  /// Runs the callable. @pre there is one
  void operator()() { call_->run(); }
  /// Whether there is a callable.
  [[nodiscard]] explicit operator bool() const noexcept { return call_ != nullptr; }

 private:
  struct callable {
    virtual ~callable() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct model final : callable {
    explicit model(F&& f) : f_(std::move(f)) {}
    explicit model(const F& f) : f_(f) {}
    void run() override { f_(); }
    F f_;
  };
  std::unique_ptr<callable> call_;
};

/// Runs jobs, in the order posted, on own threads or wherever the embedder says. Thread-safe.
/// Jobs must not throw. Destroy it before the executors that jobs complete on.
class workers {
 public:
  /// At most `threads` threads, each started when a job finds none idle; 0 means one per core, at most 8. Where no
  /// thread can be started, the caller of post() does the job.
  HUBCACHE_DECL explicit workers(std::size_t threads = 0);
  /// Hands each job to `post`, which must run it once, on any thread, at some time.
  HUBCACHE_DECL explicit workers(std::function<void(job)> post);
  workers(const workers&) = delete;
  workers& operator=(const workers&) = delete;
  /// Waits for the jobs that run; own threads drop those that have not begun.
  HUBCACHE_DECL ~workers();

  /// Begins `work` on some thread after what was posted before. Thread-safe.
  HUBCACHE_DECL void post(job work);
  /// How many jobs run at the same time, at most; 0 if the embedder runs them.
  [[nodiscard]] HUBCACHE_DECL std::size_t threads() const noexcept;

 private:
  struct pool;
  std::unique_ptr<pool> pool_;
  std::function<void(job)> post_;
};

/// Runs its jobs one after another, in the order posted, on some `workers`: what belongs to one file.
/// Thread-safe. Jobs posted last keep the queue's state alive; the queue itself may be destroyed at any time.
class serial_queue {
 public:
  /// Runs its jobs on `where`, which outlives them.
  HUBCACHE_DECL explicit serial_queue(workers& where);
  /// Runs `work` after all that was posted before. Thread-safe.
  HUBCACHE_DECL void post(job work);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/workers.ipp>
#endif
