#pragma once

#include <hubcache/error.hpp>
#include <hubcache/fetch/partial_sink.hpp>

#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <system_error>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL buffer_ring::buffer_ring(const asio::any_io_executor& executor, std::size_t count,
                                       std::size_t size)
    : executor_(executor),
      changed_(executor, asio::steady_timer::time_point::max()),
      size_(size),
      unmade_(count) {}

HUBCACHE_DECL asio::awaitable<buffer_ring::buffer> buffer_ring::take() {
  const auto self = shared_from_this();
  while (free_.empty() && unmade_ == 0) {
    std::error_code woken;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none)
      throw std::system_error(asio::error::operation_aborted);
  }
  buffer result;
  if (free_.empty()) {
    --unmade_;
    result.bytes.reset(new std::byte[size_]);  // not zeroed: every byte is
                                               // overwritten before it is read
  } else {
    result = std::move(free_.back());
    free_.pop_back();
  }
  co_return result;
}

HUBCACHE_DECL void buffer_ring::give_back(buffer used) {
  auto back = [self = shared_from_this(), used = std::move(used)]() mutable {
    used.filled = 0;
    self->free_.push_back(std::move(used));
    self->changed_.cancel();
  };
  asio::post(executor_, std::move(back));
}

HUBCACHE_DECL
partial_sink::partial_sink(std::shared_ptr<partial> into, byte_range range, serial_queue& queue,
                           std::shared_ptr<buffer_ring> buffers, std::function<void(std::uint64_t)> advanced)
    : into_(std::move(into)),
      range_(range),
      next_(range.begin),
      queue_(queue),
      buffers_(std::move(buffers)),
      advanced_(std::move(advanced)) {}

HUBCACHE_DECL body_sink::verdict partial_sink::begin(const response_head& head) {
  outcome_ = judge_answer(head, range_, into_->what().size, problem_);
  return outcome_ == range_answer::accepted ? verdict::take : verdict::stop;
}

HUBCACHE_DECL asio::awaitable<std::span<std::byte>> partial_sink::acquire() {
  if (const auto broken = into_->failure()) {
    throw error(disk_errc(broken), "cannot write the download: " + broken.message());
  }
  const auto left = range_.end - next_;
  if (excess_) {
    throw error(errc::size_mismatch, "expected " + std::to_string(range_.size()) + " bytes, more arrive");
  }
  // Of a body without a length the transport learns the end only by asking for
  // more.
  if (left == 0) co_return std::span(&beyond_, 1);
  if (!current_.bytes) current_ = co_await buffers_->take();
  const auto room = std::min<std::uint64_t>(buffers_->size() - current_.filled, left);
  co_return std::span(current_.bytes.get() + current_.filled, static_cast<std::size_t>(room));
}

HUBCACHE_DECL void partial_sink::commit(std::size_t n) {
  if (next_ == range_.end) {
    excess_ = n > 0;
    return;
  }
  current_.filled += n;
  next_ += n;
  advanced_(n);
  if (current_.filled == buffers_->size() || next_ == range_.end) flush();
}

HUBCACHE_DECL void partial_sink::flush() {
  if (!current_.bytes) return;
  const auto at = next_ - current_.filled;
  queue_.post([into = into_, ring = buffers_, used = std::move(current_), at]() mutable {
    const byte_view bytes(used.bytes.get(), used.filled);
    auto release = [ring = std::move(ring), used = std::move(used)]() mutable {
      ring->give_back(std::move(used));
    };
    into->write(bytes, at, std::move(release));
  });
  current_ = {};
}

}  // namespace hubcache::inline v0_1
