#pragma once

#include <hubcache/fetch/slots.hpp>

#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace hubcache::inline v0_1 {

struct exchange_slots::slot::state {
  state(const asio::any_io_executor& executor, std::size_t count)
      : changed(executor, asio::steady_timer::time_point::max()), most(std::max<std::size_t>(count, 1)) {}

  asio::steady_timer changed;  // never expires; cancelled when a slot comes back
  std::size_t most;
  std::size_t taken = 0;
};

HUBCACHE_DECL exchange_slots::slot& exchange_slots::slot::operator=(slot&& other) noexcept {
  std::swap(all_, other.all_);
  std::swap(who_, other.who_);
  return *this;
}

HUBCACHE_DECL exchange_slots::slot::~slot() {
  if (!all_) return;
  --all_->taken;
  all_->changed.cancel_one();
}

HUBCACHE_DECL void exchange_slots::slot::received(std::uint64_t) {}
HUBCACHE_DECL void exchange_slots::slot::failed(errc) {}

HUBCACHE_DECL exchange_slots::exchange_slots(const asio::any_io_executor& executor, std::size_t most)
    : all_(std::make_shared<slot::state>(executor, most)) {}

HUBCACHE_DECL asio::awaitable<exchange_slots::slot> exchange_slots::take(lane who) {
  const auto all = all_;
  while (all->taken >= all->most) {
    std::error_code woken;
    co_await all->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none)
      throw std::system_error(asio::error::operation_aborted);
  }
  ++all->taken;
  co_return slot(all, who);
}

HUBCACHE_DECL std::size_t exchange_slots::width() const noexcept { return all_->most; }

}  // namespace hubcache::inline v0_1
