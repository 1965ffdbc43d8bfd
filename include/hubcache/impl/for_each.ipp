#pragma once

#include <hubcache/work/for_each.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

namespace hubcache::inline v0_1 {

namespace detail {

/// Shared by the caller and its helpers. A helper that begins after the end finds nothing left to do, so `work` and
/// `stop` are not touched once the caller has returned.
class index_loop {
 public:
  index_loop(std::size_t count, const std::function<void(std::size_t)>& work, const std::stop_token& stop)
      : count_(count), work_(work), stop_(stop) {}

  void take_part() {
    std::unique_lock lock(mutex_);
    while (next_ < count_ && !stop_.stop_requested()) {
      const auto mine = next_++;
      ++running_;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        work_(mine);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      --running_;
      if (thrown) {
        if (!failure_) failure_ = thrown;
        next_ = count_;
      }
    }
    next_ = count_;
    if (running_ == 0) done_.notify_all();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const std::size_t count_;
  const std::function<void(std::size_t)>& work_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace detail

HUBCACHE_DECL void for_each_index(workers& pool, std::size_t count,
                                  const std::function<void(std::size_t)>& work, const std::stop_token& stop) {
  if (count == 0) return;
  const auto loop = std::make_shared<detail::index_loop>(count, work, stop);
  // Embedders' pools do not say their size.
  const auto threads = pool.threads() != 0 ? pool.threads() : std::thread::hardware_concurrency();
  const auto helpers =
      std::min(count, std::clamp<std::size_t>(threads, 1, 64)) - 1;  // the caller is one, too
  try {
    for (std::size_t i = 0; i < helpers; ++i) pool.post([loop] { loop->take_part(); });
  } catch (...) {  // NOLINT: those that were posted may run already; the caller must not leave them
  }
  loop->take_part();
  loop->wait();
}

}  // namespace hubcache::inline v0_1
