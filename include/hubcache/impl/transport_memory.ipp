#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/memory_transport.hpp>

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hubcache::inline v0_1 {

struct memory_transport::state {
  handler answer;
  std::size_t chunk_size = 0;
  std::vector<http_request> requests;
  std::optional<std::size_t> steps_left;  // until the one that fails
  errc reason{};
};

HUBCACHE_DECL memory_transport::memory_transport(handler answer, std::size_t chunk_size)
    : state_(std::make_shared<state>()) {
  state_->answer = std::move(answer);
  state_->chunk_size = std::max<std::size_t>(chunk_size, 1);
}

HUBCACHE_DECL const std::vector<http_request>& memory_transport::requests() const noexcept {
  return state_->requests;
}

HUBCACHE_DECL void memory_transport::fail_at(std::size_t n, errc reason) {
  state_->steps_left = n;
  state_->reason = reason;
}

HUBCACHE_DECL void memory_transport::step(state& shared) {
  if (!shared.steps_left || (*shared.steps_left)-- != 0) return;
  shared.steps_left.reset();
  throw error(shared.reason, "as the test asked");
}

HUBCACHE_DECL asio::awaitable<http_response> memory_transport::exchange(const http_request& request,
                                                                        body_sink& sink) {
  const auto shared = state_;
  try {
    co_return co_await run(*shared, request, sink);
  } catch (const error& failure) {
    error_context where;
    where.url = request.target.redacted();
    throw failure.within(where);
  }
}

HUBCACHE_DECL asio::awaitable<http_response> memory_transport::run(state& shared, const http_request& request,
                                                                   body_sink& sink) {
  const auto executor = co_await asio::this_coro::executor;
  shared.requests.push_back(request);
  co_await asio::post(executor, asio::use_awaitable);
  step(shared);
  auto response = shared.answer(request);
  const auto body = std::exchange(response.body, std::string());
  const int status = response.head.status;
  const bool empty = request.method == "HEAD" || status == 204 || status == 304;
  if (!response.head.content_length) response.head.content_length = body.size();
  const auto promised = empty ? 0 : *response.head.content_length;
  const auto verdict = sink.begin(response.head);
  if (verdict == body_sink::verdict::stop) co_return response;

  std::string_view rest = body;
  rest = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(promised, rest.size())));
  const bool keeps = verdict == body_sink::verdict::keep;
  while (!rest.empty() && (!keeps || response.body.size() < request.body_limit)) {
    co_await asio::post(executor, asio::use_awaitable);
    step(shared);
    auto n = std::min(rest.size(), shared.chunk_size);
    if (keeps) {
      response.body.append(rest.substr(0, std::min(n, request.body_limit - response.body.size())));
    } else {
      const auto room = co_await sink.acquire();
      if (room.empty()) throw error(errc::internal, "a sink acquired no room");
      n = std::min(n, room.size());
      std::memcpy(room.data(), rest.data(), n);
      sink.commit(n);
    }
    rest.remove_prefix(n);
    response.body_bytes += n;
  }
  if (rest.empty() && response.body_bytes < promised)
    throw error(errc::connection_lost, "the body is shorter than its promised length");
  co_return response;
}

}  // namespace hubcache::inline v0_1
