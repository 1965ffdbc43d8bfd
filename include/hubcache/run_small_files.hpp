#pragma once
/// @file
/// The small contents of a run: begun, fetched into memory and published in batches, three stages side by side, so that
/// no connection waits for a disk.

#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/fetch_whole.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/run_results.hpp>
#include <hubcache/run_state.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// What of a transfer begin_transfer() is told.
[[nodiscard]] HUBCACHE_DECL transfer_place transfer_place_of(const run_state& run, std::size_t step);

/// The three stages. Run begin_all() once, publish_all() once, and fetch_some() as often as exchanges may be in flight,
/// all beside each other on one executor; each returns when every content is published, failed, or given up because
/// the run stopped.
class small_files {
 public:
  /// @param steps of contents of at most whole_limit bytes. All references outlive this.
  HUBCACHE_DECL small_files(const asio::any_io_executor& executor, run_state& run, fetch_services& fetching,
                            fetch_results& results, std::vector<std::size_t> steps);

  [[nodiscard]] HUBCACHE_DECL asio::awaitable<void> begin_all();
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<void> fetch_some();
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<void> publish_all();

  /// Makes the stages look whether the run stopped; who waits for a slot then gets none.
  HUBCACHE_DECL void wake();

 private:
  using clock = std::chrono::steady_clock;
  /// A step that waits for another process, or before it is fetched again.
  struct waiting {
    std::size_t step;
    clock::time_point until;
  };
  /// Locked, nowhere on this machine, not fetched yet.
  struct ready {
    std::size_t step;
    std::shared_ptr<content_lock> lock;
  };
  struct begun_step;

  [[nodiscard]] bool over() const noexcept { return open_ == 0 || results_.stopped(); }
  [[nodiscard]] bool room_for(const ready& item) const;
  [[nodiscard]] bool publishing_due() const;
  void queue_ripe();
  [[nodiscard]] asio::awaitable<void> begin_batch();
  [[nodiscard]] asio::awaitable<void> link_batch_of(std::vector<std::size_t> steps);
  [[nodiscard]] asio::awaitable<void> fetch_one(ready item);
  [[nodiscard]] asio::awaitable<void> publish_batch();
  void wait_for_others(std::size_t i);
  void note_published(std::size_t i, const published_content& result);
  void fetch_again(std::size_t i, const digest& arrived);
  void finished();
  void failed(const error& failure);

  run_state& run_;
  fetch_services& fetching_;
  fetch_results& results_;

  std::deque<std::size_t> queue_;       // not begun
  std::vector<waiting> waiting_;        // not begun, either
  std::deque<ready> ready_;             // begun
  std::vector<whole_content> arrived_;  // fetched; with the steps they belong to
  std::vector<std::size_t> arrived_steps_;
  std::uint64_t arrived_bytes_ = 0;
  clock::time_point arrived_since_;

  std::size_t open_;        // contents that are not done
  std::size_t locked_ = 0;  // contents whose lock is held: at most locked_limit
  std::size_t fetching_now_ = 0;
  std::uint64_t memory_ = 0;  // bytes of contents from their request to their publication
  std::unordered_map<std::size_t, whole_history> histories_;  // of those in flight or come altered

  // Cancelled to wake who waits.
  asio::steady_timer to_begin_;    // expires when a waiting content may be begun
  asio::steady_timer to_fetch_;    // never expires: many wait for it
  asio::steady_timer to_publish_;  // expires when what arrived is old
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/run_small_files.ipp>
#endif
