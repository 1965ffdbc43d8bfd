#pragma once
/// @file
/// Work in the foreground: run on the calling thread, redrawn, ended by a signal.

#include <asio/any_io_executor.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include "console.hpp"

namespace command {

/// Ends the process with exit code 130 at SIGINT or SIGTERM. While something runs in the foreground, the first signal
/// cancels it cleanly and the second one does this.
void exit_at_signals();

/// One asynchronous call, run on the calling thread until it completes; a signal cancels it.
class foreground {
 public:
  explicit foreground(console& display) : display_(display) {}

  [[nodiscard]] asio::any_io_executor executor() { return context_.get_executor(); }

  /// `start` gets a completion handler for `void(std::exception_ptr, T)` and begins the operation with it.
  template <class T, class Start>
  T run(Start&& start) {
    asio::signal_set signals(context_, SIGINT, SIGTERM);
    at_signal(signals, [this] { cancel_.emit(asio::cancellation_type::terminal); });
    if (display_.live()) redraw();

    std::exception_ptr failure;
    std::optional<T> result;
    const auto complete = [&](std::exception_ptr thrown, T value) {
      failure = std::move(thrown);
      result = std::move(value);
      context_.stop();  // what is left, such as a name look-up, is of no use any more
    };
    start(asio::bind_cancellation_slot(cancel_.slot(), complete));
    context_.run();
    return end(signals, failure, result);
  }

  /// Runs the blocking `work(stop_token)` on a thread of its own and returns what it returns.
  template <class T, class Work>
  T block(Work&& work) {
    asio::signal_set signals(context_, SIGINT, SIGTERM);
    std::stop_source stop;
    at_signal(signals, [&stop] { stop.request_stop(); });
    if (display_.live()) redraw();

    std::exception_ptr failure;
    std::optional<T> result;
    const auto keep_running = asio::make_work_guard(context_);
    std::thread worker([&] {
      try {
        result = work(stop.get_token());
      } catch (...) {
        failure = std::current_exception();
      }
      asio::post(context_, [this] { context_.stop(); });
    });
    context_.run();
    worker.join();
    return end(signals, failure, result);
  }

 private:
  template <class Cancel>
  void at_signal(asio::signal_set& signals, Cancel cancel) {
    context_.restart();
    signals.async_wait([&signals, cancel](const std::error_code& ec, int) {
      if (ec) return;
      signals.clear();
      exit_at_signals();
      cancel();
    });
  }

  template <class T>
  T end(asio::signal_set& signals, const std::exception_ptr& failure, std::optional<T>& result) {
    signals.clear();
    exit_at_signals();
    display_.erase();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  void redraw() {
    display_.draw();
    tick_.expires_after(std::chrono::milliseconds(100));
    tick_.async_wait([this](const std::error_code& ec) {
      if (!ec) redraw();
    });
  }

  asio::cancellation_signal cancel_;  // first: what the context still holds at its end may refer to it
  asio::io_context context_{1};
  asio::steady_timer tick_{context_};
  console& display_;
};

}  // namespace command
