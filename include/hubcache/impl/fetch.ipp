#pragma once

#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/fetch/partial_sink.hpp>
#include <hubcache/source/pause.hpp>
#include <hubcache/source/retry.hpp>

#include <asio/this_coro.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::size_t transfer_buffer = 256 * 1024;
inline constexpr std::size_t buffers_per_transfer = 4;

/// Stops the rehash of a resumed prefix when the transfer ends for whatever reason.
class prefix_hash {
 public:
  prefix_hash() = default;
  prefix_hash(const prefix_hash&) = delete;
  prefix_hash& operator=(const prefix_hash&) = delete;
  ~prefix_hash() { stop_.request_stop(); }

  void start(workers& pool, const std::shared_ptr<partial>& into) {
    pool.post([into, stop = stop_.get_token()] { into->catch_up(stop); });
  }
  [[nodiscard]] std::stop_source& stop() noexcept { return stop_; }

 private:
  std::stop_source stop_;
};

/// Suspends until everything written is hashed. Cancellation stops the rehash of a prefix.
HUBCACHE_DECL asio::awaitable<void> hashed(std::shared_ptr<partial> into, prefix_hash& prefix) {
  auto begin = [into, stop_prefix = prefix.stop()](std::stop_token stop, auto complete) mutable {
    // The stop of this operation is passed on to the rehash, which then wakes us.
    auto pass_on = [stop_prefix]() mutable { stop_prefix.request_stop(); };
    auto link = std::make_shared<std::stop_callback<decltype(pass_on)>>(std::move(stop), std::move(pass_on));
    into->when_hashed([link, complete = std::move(complete)]() mutable { complete(nullptr, true); });
  };
  co_await from_other_thread<bool>(std::move(begin));
}

/// One content on its way: attempts, and what follows from each.
class content_fetch {
 public:
  content_fetch(fetch_services& with, error_context context, std::shared_ptr<partial> into,
                const asio::any_io_executor& executor)
      : with_(with),
        context_(std::move(context)),
        into_(std::move(into)),
        queue_(with.pool),
        buffers_(std::make_shared<buffer_ring>(
            executor, buffers_per_transfer,
            static_cast<std::size_t>(std::min<std::uint64_t>(into_->what().size, transfer_buffer)))) {}

  asio::awaitable<void> run(const repo& which, const std::string& commit, const std::string& path) {
    if (into_->resumed() > 0) prefix_.start(with_.pool, into_);
    events::started news;
    news.file = path;
    news.bytes = into_->what().size;
    news.resumed = into_->resumed();
    with_.observer(news);
    for (;;) {
      attempt result;
      if (into_->frontier() < into_->what().size) {
        const auto before = into_->frontier();
        result = co_await exchange(which, commit, path);
        if (into_->frontier() > before) network_.progress();
      }
      if (!result.failure && !result.range_ignored) {
        result.failure = co_await mismatch();
        if (!result.failure) co_return;
      }
      co_await recover(result, path);
    }
  }

 private:
  /// How one attempt ended. Neither a failure nor an ignored range: every byte is written.
  struct attempt {
    attempt() = default;
    std::shared_ptr<const error> failure;
    bool range_ignored = false;
    waiting_time server_wait;
  };

  [[nodiscard]] std::shared_ptr<const error> failed(errc reason, std::string detail) const {
    return std::make_shared<const error>(reason, std::move(detail), context_);
  }

  /// One exchange, from the frontier on. Throws only what no further attempt can mend.
  asio::awaitable<attempt> exchange(const repo& which, const std::string& commit, const std::string& path) {
    auto advanced = [this, &path](std::uint64_t n) {
      with_.source.counters().bytes_wire += n;
      events::advanced news;
      news.file = path;
      news.bytes = n;
      with_.observer(news);
    };
    attempt result;
    partial_sink sink(into_, into_->frontier(), queue_, buffers_, advanced);
    std::exception_ptr thrown;
    try {
      co_await with_.source.content(which, commit, path, into_->frontier(), sink, result.server_wait);
    } catch (const error&) {
      thrown = std::current_exception();
    } catch (...) {
      sink.flush();  // what arrived before a cancellation is good
      throw;
    }
    sink.flush();
    co_await buffers_->drained();

    const auto size = into_->what().size;
    if (const auto broken = into_->failure()) {
      auto where = context_;
      where.file = into_->path();
      throw error(disk_errc(broken), "cannot write the download: " + broken.message(), std::move(where));
    }
    result.range_ignored = sink.outcome() == partial_sink::answer::range_ignored;
    if (result.range_ignored) co_return result;
    if (sink.outcome() == partial_sink::answer::refused) {
      result.failure = failed(errc::size_mismatch, sink.problem());
    } else if (thrown) {
      result.failure = std::make_shared<const error>(error_of(thrown)->within(context_));
    } else if (into_->frontier() != size) {
      result.failure = failed(errc::connection_lost, "got " + std::to_string(into_->frontier()) + " of " +
                                                         std::to_string(size) + " bytes");
    }
    co_return result;
  }

  /// With every byte written: the failure if they are not the content, else null.
  asio::awaitable<std::shared_ptr<const error>> mismatch() {
    co_await hashed(into_, prefix_);
    if (const auto broken = into_->failure())
      throw_disk_error(broken, "read the download back", into_->path());
    const auto arrived = into_->finish();
    if (arrived == into_->what().name) co_return nullptr;
    co_return failed(errc::digest_mismatch,
                     "expected " + into_->what().name.hex() + ", got " + arrived.hex());
  }

  /// Starts again from byte 0; returns how many bytes that discards.
  asio::awaitable<std::uint64_t> restart() {
    prefix_.stop().request_stop();
    co_await hashed(into_, prefix_);
    const auto lost = into_->frontier();
    std::error_code ec;
    into_->restart(ec);
    if (ec) throw_disk_error(ec, "truncate the download", into_->path());
    co_return lost;
  }

  /// Pauses before the next attempt, or throws the failure if there is none.
  asio::awaitable<void> recover(attempt ended, const std::string& path) {
    const bool altered = ended.failure && (ended.failure->reason() == errc::digest_mismatch ||
                                           ended.failure->reason() == errc::size_mismatch);
    const bool wrong_bytes = ended.failure && ended.failure->reason() == errc::digest_mismatch;
    const bool resumed = into_->resumed() > 0;
    events::retried news;
    news.file = path;
    news.reason = ended.failure ? std::string(name_of(ended.failure->reason())) : "range_ignored";
    if (wrong_bytes || ended.range_ignored) news.lost = co_await restart();

    auto pause = std::optional(std::chrono::milliseconds(0));
    // If part of it was resumed, the fault may lie there: that is no attempt yet.
    if (ended.failure && !(wrong_bytes && resumed)) {
      pause = next_attempt(with_.config, altered ? integrity_ : network_, ended.failure->reason(),
                           ended.server_wait, random_fraction());
    }
    if (!pause) throw *ended.failure;
    news.seconds = static_cast<double>(pause->count()) / 1000.0;
    with_.observer(news);
    co_await pause_until(std::chrono::steady_clock::now() + *pause);
  }

  fetch_services& with_;
  error_context context_;
  std::shared_ptr<partial> into_;
  serial_queue queue_;
  std::shared_ptr<buffer_ring> buffers_;
  prefix_hash prefix_;
  retry_state network_;
  retry_state integrity_;
};

}  // namespace detail

HUBCACHE_DECL asio::awaitable<void> fetch_content(fetch_services& with, const repo& which,
                                                  const std::string& commit, const std::string& path,
                                                  std::shared_ptr<partial> into) {
  error_context context;
  context.repo = which.display();
  context.file = path;
  const auto executor = co_await asio::this_coro::executor;
  detail::content_fetch one(with, std::move(context), std::move(into), executor);
  co_await one.run(which, commit, path);
}

}  // namespace hubcache::inline v0_1
