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

/// One exchange from the frontier on; returns the failure, or null when the last byte is written.
HUBCACHE_DECL asio::awaitable<std::shared_ptr<const error>> fetch_once(fetch_services& with, const repo& which,
                                                                       const std::string& commit,
                                                                       const std::string& path,
                                                                       std::shared_ptr<partial> into,
                                                                       serial_queue& queue,
                                                                       std::shared_ptr<buffer_ring> buffers,
                                                                       waiting_time& server_wait, bool& restart) {
  const auto size = into->what().size;
  auto advanced = [&with, &path](std::uint64_t n) {
    with.source.counters().bytes_wire += n;
    events::advanced news;
    news.file = path;
    news.bytes = n;
    with.observer(news);
  };
  partial_sink sink(into, into->frontier(), queue, buffers, advanced);
  std::exception_ptr thrown;
  try {
    co_await with.source.content(which, commit, path, into->frontier(), sink, server_wait);
  } catch (const error&) {
    thrown = std::current_exception();
  } catch (...) {
    sink.flush();
    throw;
  }
  sink.flush();
  co_await buffers->drained();

  error_context context;
  context.repo = which.display();
  context.file = path;
  if (const auto failure = into->failure()) {
    throw error(disk_errc(failure), "cannot write the download: " + failure.message(),
                std::move(context).with_file(into->path()));
  }
  restart = sink.outcome() == partial_sink::answer::range_ignored;
  if (restart) co_return nullptr;
  if (sink.outcome() == partial_sink::answer::refused) {
    co_return std::make_shared<const error>(errc::size_mismatch, sink.problem(), context);
  }
  if (thrown) co_return std::make_shared<const error>(error_of(thrown)->within(context));
  if (into->frontier() != size) {
    co_return std::make_shared<const error>(errc::connection_lost,
                                            "got " + std::to_string(into->frontier()) + " of " +
                                                std::to_string(size) + " bytes",
                                            context);
  }
  co_return nullptr;
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<void> fetch_content(fetch_services& with, const repo& which,
                                                  const std::string& commit, const std::string& path,
                                                  std::shared_ptr<partial> into) {
  const auto size = into->what().size;
  const auto buffer = static_cast<std::size_t>(std::min<std::uint64_t>(size, detail::transfer_buffer));
  const auto executor = co_await asio::this_coro::executor;
  const auto buffers = std::make_shared<buffer_ring>(executor, detail::buffers_per_transfer, buffer);
  serial_queue queue(with.pool);
  detail::prefix_hash prefix;
  if (into->resumed() > 0) prefix.start(with.pool, into);

  events::started news;
  news.file = path;
  news.bytes = size;
  news.resumed = into->resumed();
  with.observer(news);

  retry_state network;
  retry_state integrity;
  for (;;) {
    const auto before = into->frontier();
    std::shared_ptr<const error> failure;
    waiting_time server_wait;
    bool restart = false;
    if (before < size) {
      failure = co_await detail::fetch_once(with, which, commit, path, into, queue, buffers, server_wait, restart);
    }
    std::uint64_t lost = 0;
    if (!failure && !restart) {
      co_await detail::hashed(into, prefix);
      if (const auto broken = into->failure()) throw_disk_error(broken, "read the download back", into->path());
      const auto arrived = into->finish();
      if (arrived == into->what().name) co_return;
      error_context context;
      context.repo = which.display();
      context.file = path;
      failure = std::make_shared<const error>(
          errc::digest_mismatch, "expected " + into->what().name.hex() + ", got " + arrived.hex(), context);
      restart = true;
      if (into->resumed() > 0) integrity = {};  // the fault may lie in what was resumed: that is no attempt
    }
    if (restart) {
      prefix.stop().request_stop();
      co_await detail::hashed(into, prefix);
      lost = into->frontier();
      std::error_code ec;
      into->restart(ec);
      if (ec) throw_disk_error(ec, "truncate the download", into->path());
    } else if (into->frontier() > before) {
      network.progress();
    }
    auto wait = std::optional(std::chrono::milliseconds(0));
    if (failure) {
      const bool altered = failure->reason() == errc::digest_mismatch || failure->reason() == errc::size_mismatch;
      wait = next_attempt(with.config, altered ? integrity : network, failure->reason(), server_wait,
                          random_fraction());
      if (!wait) throw *failure;
    }
    events::retried again;
    again.file = path;
    again.reason = failure ? std::string(name_of(failure->reason())) : "range_ignored";
    again.seconds = static_cast<double>(wait->count()) / 1000.0;
    again.lost = lost;
    with.observer(again);
    co_await pause_until(std::chrono::steady_clock::now() + *wait);
  }
}

}  // namespace hubcache::inline v0_1
