#pragma once
/// @file
/// Blocking work awaited from a coroutine.

#include <hubcache/work/workers.hpp>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/error.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Starts an operation that some other thread completes: `begin(token, complete)` must lead to one call of
/// `complete(exception_ptr, R)` on any thread, which resumes the coroutine on its own executor. Cancellation
/// requests a stop of `token`; the operation still completes, and what it brought is dropped: it may be the half of a
/// stopped one. Throws operation_aborted then.
template <class R, class Begin>
asio::awaitable<R> from_other_thread(Begin begin) {
  auto start = [begin = std::move(begin)](auto handler) mutable {
    std::stop_source stop;
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
      slot.assign([stop](asio::cancellation_type) mutable { stop.request_stop(); });
    }
    // Outstanding work keeps the context running until the result has come back to it.
    auto executor =
        asio::prefer(asio::get_associated_executor(handler), asio::execution::outstanding_work.tracked);
    auto complete = [handler = std::move(handler), executor](std::exception_ptr failure, R result) mutable {
      auto resume = [handler = std::move(handler), failure = std::move(failure),
                     result = std::move(result)]() mutable {
        std::move(handler)(std::move(failure), std::move(result));
      };
      asio::post(executor, std::move(resume));
    };
    begin(stop.get_token(), std::move(complete));
  };
  auto result = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, R)>(
      std::move(start), asio::use_awaitable);
  const auto cancelled = co_await asio::this_coro::cancellation_state;
  if (cancelled.cancelled() != asio::cancellation_type::none)
    throw std::system_error(asio::error::operation_aborted);
  co_return result;
}

}  // namespace detail

/// Runs `work(stop_token)` on `pool` and resumes on the caller's executor with its result, which must be default
/// constructible. `work` is moved to the worker: what it touches, it must own. Cancellation requests a stop; the
/// work decides how soon it heeds it, and its result is dropped. The pool's threads end before the executor's context
/// does: a worker that handed its result over is not done with the context yet.
template <class F>
requires(!std::is_void_v<std::invoke_result_t<F&, std::stop_token>>)
    asio::awaitable<std::invoke_result_t<F&, std::stop_token>> on_workers(workers& pool, F work) {
  using result_type = std::invoke_result_t<F&, std::stop_token>;
  auto begin = [&pool, work = std::move(work)](std::stop_token stop, auto complete) mutable {
    pool.post([work = std::move(work), stop = std::move(stop), complete = std::move(complete)]() mutable {
      std::exception_ptr failure;
      result_type result{};
      try {
        result = work(std::move(stop));
      } catch (...) {
        failure = std::current_exception();
      }
      complete(std::move(failure), std::move(result));
    });
  };
  co_return co_await detail::from_other_thread<result_type>(std::move(begin));
}

}  // namespace hubcache::inline v0_1
