#pragma once

#include <hubcache/os/file.hpp>
#include <hubcache/source/pause.hpp>

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstdlib>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL asio::awaitable<void> pause_until(std::chrono::steady_clock::time_point when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(asio::use_awaitable);
}

HUBCACHE_DECL double random_fraction() {
  return static_cast<double>(std::strtoul(os::random_hex(8).c_str(), nullptr, 16)) / 4294967296.0;
}

}  // namespace hubcache::inline v0_1
