#pragma once

#include <hubcache/work/workers.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

struct workers::pool {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<job> waiting;
  bool stopping = false;
  std::size_t limit = 1;
  std::size_t idle = 0;
  std::vector<std::thread> threads;

  void work() {
    for (std::unique_lock lock(mutex);;) {
      ++idle;
      wake.wait(lock, [this] { return stopping || !waiting.empty(); });
      --idle;
      if (stopping) return;
      {
        job next = std::move(waiting.front());
        waiting.pop_front();
        lock.unlock();
        next();
      }  // what the job owned is gone before the lock is taken again
      lock.lock();
    }
  }

  /// Starts one more thread if there are more jobs than idle ones take. @return whether any thread runs.
  bool start_one() {
    if (waiting.size() > idle && threads.size() < limit && !stopping) {
      try {
        threads.emplace_back([this] { work(); });
      } catch (const std::system_error&) {  // fewer threads than wanted still do the work
      }
    }
    return !threads.empty();
  }
};

HUBCACHE_DECL workers::workers(std::size_t threads) : pool_(std::make_unique<pool>()) {
  pool_->limit = threads > 0 ? threads : std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
}

HUBCACHE_DECL workers::workers(std::function<void(job)> post) : post_(std::move(post)) {}

HUBCACHE_DECL workers::~workers() {
  if (!pool_) return;
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->stopping = true;
  }
  pool_->wake.notify_all();
  for (auto& thread : pool_->threads) thread.join();
  while (!pool_->waiting.empty()) {  // what a dropped job owned may post others
    std::deque<job> dropped;
    dropped.swap(pool_->waiting);
  }
}

HUBCACHE_DECL void workers::post(job work) {
  if (!pool_) return post_(std::move(work));
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->waiting.push_back(std::move(work));
    if (pool_->start_one()) return pool_->wake.notify_one();
    work = std::move(pool_->waiting.back());
    pool_->waiting.pop_back();
  }
  work();
}

HUBCACHE_DECL std::size_t workers::threads() const noexcept { return pool_ ? pool_->limit : 0; }

struct serial_queue::state {
  /// The job that runs what waits. If it is dropped, as at the end of a pool, what waits is dropped with it: jobs may
  /// own the queue.
  class runner {
   public:
    explicit runner(std::shared_ptr<state> queue) : queue_(std::move(queue)) {}
    runner(runner&&) noexcept = default;
    runner& operator=(runner&&) = delete;
    ~runner() {
      if (queue_) queue_->abandon();
    }
    void operator()() { std::exchange(queue_, nullptr)->run(); }

   private:
    std::shared_ptr<state> queue_;
  };

  explicit state(workers& where) : pool(where) {}

  workers& pool;
  std::mutex mutex;
  std::deque<job> waiting;
  bool running = false;

  void run() {
    for (;;) {
      job next;
      {
        const std::lock_guard lock(mutex);
        if (waiting.empty()) {
          running = false;
          return;
        }
        next = std::move(waiting.front());
        waiting.pop_front();
      }
      next();
    }
  }

  void abandon() noexcept {
    std::deque<job> dropped;  // destroyed when the mutex is free again
    const std::lock_guard lock(mutex);
    running = false;
    dropped.swap(waiting);
  }
};

HUBCACHE_DECL serial_queue::serial_queue(workers& where) : state_(std::make_shared<state>(where)) {}

HUBCACHE_DECL void serial_queue::post(job work) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back(std::move(work));
    if (state_->running) return;
    state_->running = true;
  }
  state_->pool.post(state::runner(state_));
}

}  // namespace hubcache::inline v0_1
