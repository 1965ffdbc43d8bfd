#pragma once

#include <hubcache/transport/watchdog.hpp>

#include <algorithm>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL void watchdog::enter(watched& one, clock::time_point first) {
  watched_.push_back(&one);
  look_by(first);
}

HUBCACHE_DECL void watchdog::leave(watched& one) {
  std::erase(watched_, &one);
  if (!watched_.empty()) return;
  expiry_ = never;
  timer_.cancel();
}

HUBCACHE_DECL void watchdog::look_by(clock::time_point deadline) {
  if (deadline >= expiry_) return;
  expiry_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& ec) {
    const auto self = weak.lock();
    if (!ec && self) self->look();
  });
}

HUBCACHE_DECL void watchdog::look() {
  expiry_ = never;
  auto next = never;
  const auto now = clock::now();
  for (watched* const one : watched_) next = std::min(next, one->look(now));
  look_by(next);
}

}  // namespace hubcache::inline v0_1::detail
