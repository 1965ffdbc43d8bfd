#pragma once
/// @file
/// Some coroutines side by side.

#include <hubcache/config.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

struct fan {
  explicit fan(const asio::any_io_executor& executor)
      : changed(executor, asio::steady_timer::time_point::max()) {}

  void cancel() {
    for (auto& signal : signals) signal.emit(asio::cancellation_type::terminal);
  }

  asio::steady_timer changed;  // never expires; cancelled when one ends
  std::deque<asio::cancellation_signal> signals;
  std::size_t running = 0;
  std::exception_ptr failure;
};

}  // namespace detail

/// Runs `make(0)` ... `make(count - 1)`, awaitables of void, on the caller's executor (one thread or a strand) and
/// returns when all have ended. The first exception cancels the others and is thrown when they have ended.
/// Cancellation: terminal; passed on to all.
template <class Make>
asio::awaitable<void> fan_out(std::size_t count, Make make) {
  const auto executor = co_await asio::this_coro::executor;
  const auto all = std::make_shared<detail::fan>(executor);
  co_await asio::this_coro::throw_if_cancelled(false);
  for (std::size_t i = 0; i < count; ++i) {
    ++all->running;
    auto ended = [all](std::exception_ptr failure) {
      --all->running;
      if (failure && !all->failure) {
        all->failure = failure;
        all->cancel();
      }
      all->changed.cancel();
    };
    auto& signal = all->signals.emplace_back();
    asio::co_spawn(executor, make(i), asio::bind_cancellation_slot(signal.slot(), std::move(ended)));
  }
  bool stopped = false;
  while (all->running > 0) {
    std::error_code woken;
    co_await all->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none) {
      stopped = true;
      all->cancel();
      co_await asio::this_coro::reset_cancellation_state();
    }
  }
  co_await asio::this_coro::throw_if_cancelled(true);
  if (all->failure) std::rethrow_exception(all->failure);
  if (stopped) throw std::system_error(asio::error::operation_aborted);
}

}  // namespace hubcache::inline v0_1
