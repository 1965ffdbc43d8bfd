#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/connection_pool.hpp>

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>

namespace hubcache::inline v0_1::detail {

/// An exchange in the queue. It leaves the queue by being granted a lease or with its frame.
struct connection_pool::waiter {
  waiter(connection_pool& owner, node& where)
      : pool(owner), at(where), wake(owner.executor_, clock::time_point::max()) {
    at.second.waiting.push_back(this);
  }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  ~waiter() {
    if (granted) pool.leave(at);
    if (!granted && !taken) std::erase(at.second.waiting, this);
  }
  lease take() noexcept {
    granted = false;
    taken = true;
    return lease(pool, at);
  }

  connection_pool& pool;
  node& at;
  asio::steady_timer wake;
  bool granted = false;
  bool taken = false;
};

HUBCACHE_DECL asio::awaitable<connection_pool::lease> connection_pool::enter(std::string key) {
  drop_expired();
  node& at = *places_.try_emplace(std::move(key)).first;
  if (at.second.running < bounds_.max_running) {
    ++at.second.running;
    co_return lease(*this, at);
  }
  waiter turn(*this, at);
  asio::error_code ec;
  co_await turn.wake.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  if (turn.granted) co_return turn.take();
  throw error(errc::cancelled, "while waiting for a connection");
}

HUBCACHE_DECL void connection_pool::leave(node& at) {
  auto& [running, idle, waiting] = at.second;
  if (!waiting.empty()) {  // the lease goes to the next one
    waiter& next = *waiting.front();
    waiting.pop_front();
    next.granted = true;
    next.wake.cancel();
  } else if (--running == 0 && idle.empty()) {
    places_.erase(places_.find(at.first));
  }
}

HUBCACHE_DECL void connection_pool::drop_expired() {
  const auto oldest = clock::now() - bounds_.idle_expiry;
  for (auto next = places_.begin(); next != places_.end();) {
    const auto at = next++;
    auto& idle = at->second.idle;
    while (!idle.empty() && idle.front()->idle_since() < oldest) idle.erase(idle.begin());
    if (idle.empty() && at->second.running == 0) places_.erase(at);
  }
}

HUBCACHE_DECL connection_pool::handle connection_pool::lease::take_idle() {
  auto& idle = node_->second.idle;
  while (!idle.empty()) {
    const auto last = std::move(idle.back());
    idle.pop_back();
    if (last->is_fresh()) return last;
  }
  return nullptr;
}

HUBCACHE_DECL void connection_pool::lease::keep(handle used) {
  pool_->drop_expired();
  auto& idle = node_->second.idle;
  if (idle.size() < pool_->bounds_.max_idle && used->buffered().empty()) idle.push_back(std::move(used));
}

}  // namespace hubcache::inline v0_1::detail
