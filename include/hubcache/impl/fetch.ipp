#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/source/pause.hpp>
#include <hubcache/source/retry.hpp>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace hubcache::inline v0_1 {

namespace detail {

/// All buffers of a run: one for each exchange, and some that are being written
/// or hashed.
inline constexpr std::size_t transfer_memory = std::size_t{24} << 20U;
inline constexpr std::size_t spare_buffers = 16;
/// Ranges end where this ends, so that few blocks of the file system are
/// written twice.
inline constexpr std::uint64_t range_alignment = std::uint64_t{1} << 20U;
/// What is missing is not worth another exchange for less.
inline constexpr std::uint64_t worth_an_exchange = std::uint64_t{4} << 20U;
/// Bytes/s of one connection, above which nobody gains from a second one: it fills most networks and disks.
inline constexpr double fast_enough = 200e6;
inline constexpr auto speed_window = std::chrono::milliseconds(50);

HUBCACHE_DECL std::size_t buffer_size(std::size_t count) noexcept {
  return std::clamp<std::size_t>(transfer_memory / count, 64 * 1024, 512 * 1024);
}

/// One content on its way: what of it nobody fetches yet, attempts, and what
/// follows from each.
class content_fetch : public std::enable_shared_from_this<content_fetch> {
 public:
  content_fetch(fetch_services& with, error_context context, std::shared_ptr<partial> into,
                const asio::any_io_executor& executor)
      : with_(with),
        context_(std::move(context)),
        into_(std::move(into)),
        writes_(with.pool),
        file_(with.slots),
        changed_(executor, asio::steady_timer::time_point::max()) {}

  asio::awaitable<void> run(repo which, std::string commit, std::string path) {
    which_ = std::move(which);
    commit_ = std::move(commit);
    path_ = std::move(path);
    events::started news;
    news.file = path_;
    news.bytes = into_->what().size;
    news.resumed = have_ = furthest_ = into_->resumed();
    with_.observer(news);
    for (;;) {
      co_await transfer();
      attempt result;
      if (!ignored_) result.failure = co_await mismatch();
      if (!ignored_ && !result.failure) co_return;
      co_await recover(std::move(result));
    }
  }

 private:
  /// How one exchange, or the content as a whole, went wrong.
  struct attempt {
    attempt() = default;
    pace::clock::time_point begun = pace::clock::now();
    std::shared_ptr<const error> failure;
    waiting_time server_wait;
  };

  [[nodiscard]] std::shared_ptr<const error> failed(errc reason, std::string detail) const {
    return std::make_shared<const error>(reason, std::move(detail), context_);
  }

  /// Fetches what is missing. Returns when it is written, or when a range was
  /// ignored.
  asio::awaitable<void> transfer() {
    untaken_ = into_->there().missing(into_->what().size);
    const auto useful = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(untaken_.total() / worth_an_exchange, 1, with_.slots.most()));
    auto some = [this](std::size_t k) -> asio::awaitable<void> { return fetch_some(k == 1); };
    std::exception_ptr failure;
    try {
      if (!untaken_.empty()) co_await fan_out(whole_ ? 1 : useful, std::move(some));
    } catch (const error&) {
      failure = std::current_exception();
    }
    co_await written();  // what came before a failure, too: the next run resumes it
    if (failure) std::rethrow_exception(failure);
    throw_if_broken();
  }

  /// Fetches one range after another until none is left. Run as many of these side by side as may be of use; one of
  /// them looks after the speed of a lone exchange.
  asio::awaitable<void> fetch_some(bool watches) {
    const auto self = shared_from_this();  // frames may be destroyed in any order
    std::optional<exchange_slots::slot> slot;
    while (!ignored_ && (!untaken_.empty() || in_flight_ > 0)) {
      if (untaken_.empty() || (in_flight_ > 0 && one_is_enough())) {
        slot.reset();
        co_await change(watches && !untaken_.empty());
      } else if (pace::clock::now() < resting_until_) {
        slot.reset();
        co_await pause_until(resting_until_);
      } else if (!slot) {
        slot = co_await with_.slots.take(exchange_slots::lane::big, &file_);
      } else {
        const auto range = next_range();
        if (untaken_.empty()) file_.wants_no_more();
        auto ended = co_await exchange(range, *slot);
        if (ended.failure || !slot->may_stay()) slot.reset();
        if (ended.failure) co_await recover(std::move(ended));
      }
    }
  }

  /// The first exchange finds the way to the file for all, and where it is fast, more connections would only take the
  /// processor from it.
  [[nodiscard]] bool one_is_enough() const noexcept { return !way_->has_value() || alone_; }

  /// Suspends until an exchange begins to bring bytes or ends, or the hash has met the frontier; at the latest when it is
  /// time to look at the speed again.
  asio::awaitable<void> change(bool timed) {
    std::error_code woken;
    if (timed && alone_) {
      asio::steady_timer next_look(changed_.get_executor(), speed_window);
      co_await next_look.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      judge_speed(pace::clock::now());
    } else {
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  }

  /// Lets others help the lone exchange once it is not fast.
  void judge_speed(pace::clock::time_point now) {
    if (!alone_ || !way_->has_value() || now - window_begin_ < speed_window) return;
    const auto seconds = std::chrono::duration<double>(now - window_begin_).count();
    alone_ = static_cast<double>(std::exchange(window_bytes_, 0)) >= fast_enough * seconds;
    window_begin_ = now;
    if (!alone_) changed_.cancel();
  }

  [[nodiscard]] byte_range next_range() {
    if (whole_) return untaken_.take_first(into_->what().size);
    const auto begin = untaken_.all().front().begin;
    const auto end = begin + file_.range_size(untaken_.total());
    return untaken_.take_first((end + range_alignment - 1) / range_alignment * range_alignment - begin);
  }

  /// Counts an exchange of the file as long as it runs; wakes whoever waits for
  /// a change afterwards.
  class running {
   public:
    explicit running(content_fetch& of) : of_(of) { ++of_.in_flight_; }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() {
      --of_.in_flight_;
      of_.changed_.cancel();
    }

   private:
    content_fetch& of_;
  };

  /// One exchange. What of the range did not come is untaken again. Throws only
  /// what no further attempt can mend.
  asio::awaitable<attempt> exchange(byte_range range, exchange_slots::slot& slot) {
    const running counted(*this);
    attempt result;
    auto first_byte = result.begun;
    auto advanced = [&](std::uint64_t n) {
      if (first_byte == result.begun) {
        first_byte = pace::clock::now();
        note_sender();
        if (window_begin_ == pace::clock::time_point{}) window_begin_ = first_byte;
        changed_.cancel();  // the way is found
      }
      note_arrived(slot, n);
    };
    const content_part part(range.begin,
                            range.end == into_->what().size ? std::nullopt : std::optional(range.end));
    partial_sink sink(into_, range, writes_, with_.buffers, advanced);
    std::exception_ptr thrown;
    try {
      co_await with_.source.content(which_, commit_, path_, part, way_, sink, result.server_wait);
    } catch (const error&) {
      thrown = std::current_exception();
    } catch (...) {
      sink.flush();  // what arrived before a cancellation is good
      throw;
    }
    sink.flush();
    throw_if_broken();
    slot.exchanged(sink.received(), first_byte - result.begun, pace::clock::now() - first_byte);
    untaken_.add({range.begin + sink.received(), range.end});
    ignored_ = ignored_ || sink.outcome() == range_answer::range_ignored;
    if (ignored_) co_return result;
    if (sink.outcome() == range_answer::refused) {
      note_sender();
      result.failure = failed(errc::size_mismatch, sink.problem());
    } else if (thrown) {
      result.failure = std::make_shared<const error>(error_of(thrown)->within(context_));
    } else if (sink.received() < range.size()) {
      result.failure = failed(errc::connection_lost, "got " + std::to_string(sink.received()) + " of " +
                                                         std::to_string(range.size()) + " bytes");
    }
    if (result.failure) slot.failed(result.failure->reason());
    co_return result;
  }

  /// What is wrong with the content is said of whoever sent it last.
  void note_sender() {
    if (way_->has_value()) context_.url = (*way_)->where.redacted();
  }

  void note_arrived(exchange_slots::slot& slot, std::uint64_t n) {
    slot.received(n);
    window_bytes_ += n;
    judge_speed(pace::clock::now());
    have_ += n;
    // Bytes that came before are no progress: who drops connections and ignores ranges would be asked for ever.
    if (have_ > furthest_) network_.progress();
    furthest_ = std::max(furthest_, have_);
    with_.source.counters().bytes_wire += n;
    events::advanced news;
    news.file = path_;
    news.bytes = n;
    with_.observer(news);
  }

  /// Suspends until everything that arrived is in the file.
  asio::awaitable<void> written() {
    auto begin = [this](const std::stop_token&, auto complete) {
      writes_.post([complete = std::move(complete)]() mutable { complete(nullptr, true); });
    };
    co_await from_other_thread<bool>(std::move(begin));
  }

  void throw_if_broken() const {
    if (const auto broken = into_->failure()) throw_disk_error(broken, "write the download", into_->path());
  }

  /// With every byte written: the failure if they are not the content, else
  /// null.
  asio::awaitable<std::shared_ptr<const error>> mismatch() {
    hashed_ = false;
    // The partial keeps this: it must not own the coroutine, which owns the partial.
    auto tell = [weak = weak_from_this(), executor = changed_.get_executor()] {
      asio::post(executor, [weak] {
        const auto self = weak.lock();
        if (!self) return;
        self->hashed_ = true;
        self->changed_.cancel();
      });
    };
    into_->when_hashed(std::move(tell));
    while (!hashed_) co_await change(false);
    if (const auto broken = into_->failure())
      throw_disk_error(broken, "read the download back", into_->path());
    const auto arrived = into_->finish();
    if (arrived == into_->what().name) co_return nullptr;
    co_return failed(errc::digest_mismatch,
                     "expected " + into_->what().name.hex() + ", got " + arrived.hex());
  }

  /// Starts again from byte 0; returns how many bytes that discards.
  std::uint64_t restart() {
    const auto lost = into_->there().total();
    std::error_code ec;
    into_->restart(ec);
    if (ec) throw_disk_error(ec, "truncate the download", into_->path());
    have_ = 0;
    return lost;
  }

  /// Pauses before the next attempt, or throws the failure if there is none.
  asio::awaitable<void> recover(attempt ended) {
    const bool altered = ended.failure && (ended.failure->reason() == errc::digest_mismatch ||
                                           ended.failure->reason() == errc::size_mismatch);
    const bool wrong_bytes = ended.failure && ended.failure->reason() == errc::digest_mismatch;
    const bool resumed = into_->resumed() > 0;
    events::retried news;
    news.file = path_;
    news.reason = ended.failure ? std::string(to_string(ended.failure->reason())) : "range_ignored";
    if (wrong_bytes || !ended.failure) news.lost = restart();
    if (wrong_bytes) furthest_ = 0;
    if (!ended.failure) {
      whole_ = true;
      ignored_ = false;
    }

    auto pause = std::optional(std::chrono::milliseconds(0));
    // If part of it was resumed, the fault may lie there: that is no attempt
    // yet.
    const auto now = std::chrono::steady_clock::now();
    if (ended.failure && !(wrong_bytes && resumed)) {
      auto& counted = altered ? integrity_ : network_;
      // What was under way when another exchange failed has failed of the same cause: that counts once.
      retry_state together = counted;
      together.failures = 0;
      const bool first = ended.begun >= counted_at_;
      auto& state = first ? counted : together;
      if (first) counted_at_ = now;
      pause =
          next_attempt(with_.config, state, ended.failure->reason(), ended.server_wait, random_fraction());
    }
    if (!pause) throw *ended.failure;
    news.seconds = static_cast<double>(pause->count()) / 1000.0;
    with_.observer(news);
    resting_until_ = std::max(resting_until_, now + *pause);
    co_await pause_until(resting_until_);
  }

  fetch_services& with_;
  error_context context_;
  repo which_;
  std::string commit_;
  std::string path_;
  std::shared_ptr<partial> into_;
  serial_queue writes_;
  exchange_slots::file file_;
  std::shared_ptr<found_route> way_ = std::make_shared<found_route>();
  byte_ranges untaken_;         // neither there nor asked for
  std::size_t in_flight_ = 0;   // exchanges
  asio::steady_timer changed_;  // never expires; cancelled when there is something to do
  bool alone_ = true;           // no second exchange was let in yet
  bool hashed_ = false;         // the hash has met the frontier
  pace::clock::time_point window_begin_{};
  std::uint64_t window_bytes_ = 0;
  pace::clock::time_point resting_until_{};  // after a failure: no exchange begins before
  pace::clock::time_point counted_at_{};     // when the last failure was counted
  std::uint64_t have_ = 0;                   // bytes received or resumed, and not thrown away
  std::uint64_t furthest_ = 0;               // the most that have_ was
  bool ignored_ = false;                     // an exchange for a range was answered with all
  bool whole_ = false;                       // ... so that no more ranges are asked for
  retry_state network_;
  retry_state integrity_;
};

}  // namespace detail

HUBCACHE_DECL
fetch_services::fetch_services(const settings& c, hub_source& s, workers& w, observer_ref o,
                               exchange_slots& e, const asio::any_io_executor& executor)
    : config(c), source(s), pool(w), observer(o), slots(e) {
  const auto count = e.most() + detail::spare_buffers;
  buffers = std::make_shared<buffer_ring>(executor, count, detail::buffer_size(count));
}

HUBCACHE_DECL asio::awaitable<void> fetch_content(fetch_services& with, const repo& which,
                                                  const std::string& commit, const std::string& path,
                                                  std::shared_ptr<partial> into) {
  error_context context;
  context.repo = which.display();
  context.file = path;
  const auto executor = co_await asio::this_coro::executor;
  const auto one =
      std::make_shared<detail::content_fetch>(with, std::move(context), std::move(into), executor);
  co_await one->run(which, commit, path);
}

}  // namespace hubcache::inline v0_1
