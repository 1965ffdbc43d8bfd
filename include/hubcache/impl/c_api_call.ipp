#pragma once
/// @file
/// A call of the C API under way: it waits, tells its caller what happens, and is cancelled.

#include <hubcache/cache.hpp>
#include <hubcache/event.hpp>
#include <hubcache/impl/c_api_options.ipp>
#include <hubcache/plan/bundle.hpp>
#include <hubcache_c.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

struct hubcache_cache {
  explicit hubcache_cache(hubcache::settings config) : all(std::move(config)) {}
  hubcache::cache all;
};

namespace hubcache::inline v0_1::c_api {

/// hubcache_progress with its texts.
struct progress_text {
  progress_text() = default;

  hubcache_phase phase = HUBCACHE_PHASE_WAITING;
  std::string repo;
  std::string file;
  std::string text;
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
  std::uint64_t file_bytes_done = 0;
  std::uint64_t file_bytes_total = 0;
};

/// Makes news of events: adds up what they tell of.
class transfer_sums {
 public:
  /// What the plan will link and fetch. The first counts: that of several repos is known before each tells its own.
  void expect(std::uint64_t bytes_to_link, std::uint64_t bytes_to_fetch) {
    if (std::exchange(expected_, true)) return;
    to_link_ = bytes_to_link;
    to_fetch_ = bytes_to_fetch;
  }
  [[nodiscard]] progress_text tell(const event& what) {
    progress_text news;
    std::visit([this, &news](const auto& one) { tell(one, news); }, what);
    return with_sums(std::move(news));
  }
  /// `news` with the sums of now.
  [[nodiscard]] progress_text with_sums(progress_text news) const {
    news.bytes_done = done_;
    const auto linked_instead = linked_ - std::min(linked_, to_link_);
    news.bytes_total = std::max(to_fetch_ - std::min(to_fetch_, linked_instead), begun_);
    return news;
  }

 private:
  struct transfer {
    std::uint64_t done = 0;
    std::uint64_t bytes = 0;
  };

  void tell(const events::planned& what, progress_text& news) {
    news.phase = HUBCACHE_PHASE_PLANNED;
    news.repo = what.repo;
    expect(what.bytes_to_link, what.bytes_to_fetch);
  }
  void tell(const events::linked& what, progress_text& news) {
    news.phase = HUBCACHE_PHASE_LINKED;
    news.file = what.file;
    news.text = what.source;
    news.file_bytes_done = news.file_bytes_total = what.bytes;
    linked_ += what.bytes;
  }
  void tell(const events::started& what, progress_text& news) {
    note(HUBCACHE_PHASE_STARTED, what.file, begin(what.file, what.bytes), what.resumed, news);
  }
  void tell(const events::advanced& what, progress_text& news) {
    auto& moving = active_[what.file];
    note(HUBCACHE_PHASE_ADVANCED, what.file, moving, moving.done + what.bytes, news);
  }
  void tell(const events::retried& what, progress_text& news) {
    auto& moving = active_[what.file];
    news.text = what.reason;
    note(HUBCACHE_PHASE_RETRIED, what.file, moving, moving.done - std::min(moving.done, what.lost), news);
  }
  void tell(const events::fetched& what, progress_text& news) {
    note(HUBCACHE_PHASE_FETCHED, what.file, begin(what.file, what.bytes), what.bytes, news);
    active_.erase(what.file);
  }
  void tell(const events::warning& what, progress_text& news) {
    news.phase = HUBCACHE_PHASE_WARNING;
    news.text = what.text;
  }

  /// The transfer of `file`, of `bytes`: a new one, or one that is known.
  transfer& begin(const std::string& file, std::uint64_t bytes) {
    auto& moving = active_[file];
    begun_ += bytes - moving.bytes;
    moving.bytes = bytes;
    return moving;
  }
  /// Sets how much of a transfer is there.
  void note(hubcache_phase phase, const std::string& file, transfer& moving, std::uint64_t done,
            progress_text& news) {
    done = std::min(done, moving.bytes);
    done_ += done - moving.done;
    moving.done = done;
    news.phase = phase;
    news.file = file;
    news.file_bytes_done = done;
    news.file_bytes_total = moving.bytes;
  }

  std::map<std::string, transfer> active_;
  bool expected_ = false;
  std::uint64_t to_link_ = 0;
  std::uint64_t to_fetch_ = 0;
  std::uint64_t linked_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t done_ = 0;
};

/// One call. Observes what the cache does on its thread, tells the caller on his.
class waiting_call {
 public:
  waiting_call(hubcache::cache& on, const hubcache_request& asked) : cache_(on), asked_(asked) {}
  waiting_call(const waiting_call&) = delete;
  waiting_call& operator=(const waiting_call&) = delete;

  [[nodiscard]] observer_ref observer() {
    return asked_.tell != nullptr ? observer_ref(*this) : observer_ref();
  }

  /// Lets the sums be those of a plan of several repos from the beginning.
  void expect(const bundle_plan& what) {
    const std::lock_guard lock(mutex_);
    transfers_.expect(what.bytes(file_action::linked), what.bytes_to_fetch());
  }

  void operator()(const event& what) {
    const std::lock_guard lock(mutex_);
    auto news = transfers_.tell(what);
    // A caller who is slower than the network gets one of them for all that piled up: their numbers are absolute.
    if (news.phase == HUBCACHE_PHASE_ADVANCED && !news_.empty() &&
        news_.back().phase == HUBCACHE_PHASE_ADVANCED) {
      news_.back() = std::move(news);
    } else {
      news_.push_back(std::move(news));
    }
    changed_.notify_one();
  }

  /// Throws if the caller wants no more.
  void check() const {
    if (is_cancelled()) throw error(errc::cancelled, "");
  }

  /// `start` gets a completion handler for `void(std::exception_ptr, T)` and begins an operation of the cache with it.
  /// Waits for its end. @throws error
  template <class T, class Start>
  T run(Start&& start) {
    check();
    const auto signal = std::make_shared<asio::cancellation_signal>();
    std::optional<T> value;
    std::shared_ptr<const error> failure;
    bool ended = false;
    auto complete = [&, signal](const std::exception_ptr& thrown, T result) {
      auto what = error_of(thrown);
      const std::lock_guard lock(mutex_);
      failure = std::move(what);
      value = std::move(result);
      ended = true;
      changed_.notify_one();
    };
    start(asio::bind_cancellation_slot(signal->slot(), std::move(complete)));
    wait(ended, [this, signal] {  // signals belong to the thread of their operation
      asio::post(cache_.executor(), [signal] { signal->emit(asio::cancellation_type::terminal); });
    });
    if (failure) throw error(*failure);
    return std::move(*value);
  }

  /// Tells what is not told yet.
  void tell_all() {
    wait(true, [] {});
  }

 private:
  [[nodiscard]] bool is_cancelled() const {
    return stopped_ || (asked_.token != nullptr && asked_.token->asked);
  }

  /// Tells news until `ended` and nothing is left; calls `cancel` once if the caller wants that.
  template <class Cancel>
  void wait(const bool& ended, Cancel&& cancel) {
    bool cancelling = false;
    std::unique_lock lock(mutex_);
    while (!ended || !news_.empty()) {
      if (is_cancelled() && !std::exchange(cancelling, true)) cancel();
      progress_text news;
      const auto something = [&] { return ended || !news_.empty(); };
      if (!changed_.wait_for(lock, std::chrono::milliseconds(100), something)) {
        news = transfers_.with_sums(std::move(news));
      } else if (!news_.empty()) {
        news = std::move(news_.front());
        news_.pop_front();
      } else {
        continue;
      }
      lock.unlock();
      tell(news);
      lock.lock();
    }
  }

  void tell(const progress_text& what) {
    if (asked_.tell == nullptr || stopped_) return;
    const hubcache_progress news{what.phase,           what.repo.c_str(),    what.file.c_str(),
                                 what.text.c_str(),    what.bytes_done,      what.bytes_total,
                                 what.file_bytes_done, what.file_bytes_total};
    try {
      stopped_ = asked_.tell(asked_.context, &news) != 0;
    } catch (...) {  // C++ callers may throw in spite of the contract
      stopped_ = true;
    }
  }

  hubcache::cache& cache_;
  const hubcache_request& asked_;
  bool stopped_ = false;  // by the progress function

  std::mutex mutex_;
  std::condition_variable changed_;
  transfer_sums transfers_;
  std::deque<progress_text> news_;
};

}  // namespace hubcache::inline v0_1::c_api
