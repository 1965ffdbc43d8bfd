#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/transport.hpp>

#include <algorithm>
#include <cstring>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL asio::awaitable<void> write_to(body_sink& sink, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = co_await sink.acquire();
    if (room.empty()) throw error(errc::internal, "a sink acquired no room");
    const auto n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    sink.commit(n);
    bytes.remove_prefix(n);
  }
}

}  // namespace hubcache::inline v0_1
