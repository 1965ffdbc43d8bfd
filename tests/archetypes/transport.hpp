#pragma once
/// @file
/// A transport that offers nothing beyond its contract. docs/extending/transport.md shows it.

#include <hubcache/transport/transport.hpp>

#include <functional>
#include <string>
#include <utility>

namespace minimal {

/// Answers requests by a function instead of a network.
class transport {
 public:
  using server = std::function<hubcache::http_response(const hubcache::http_request&)>;

  explicit transport(server answer) : answer_(std::move(answer)) {}
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  asio::awaitable<hubcache::http_response> exchange(const hubcache::http_request& request,
                                                    hubcache::body_sink& sink) {
    using verdict = hubcache::body_sink::verdict;
    hubcache::http_response response = answer_(request);
    const bool bodiless =
        request.method == "HEAD" || response.head.status == 204 || response.head.status == 304;
    const std::string body = bodiless ? std::string() : std::exchange(response.body, {});
    response.body.clear();
    response.head.content_length = bodiless ? response.head.content_length : body.size();

    const auto decided = sink.begin(response.head);  // once, and before the first byte
    if (decided == verdict::stop) co_return response;
    response.body_bytes = body.size();
    if (decided == verdict::keep) {
      response.body = body.substr(0, request.body_limit);
      co_return response;
    }
    co_await hubcache::write_to(sink, body);  // may take long: this is what bounds memory
    co_return response;
  }

 private:
  server answer_;
};
static_assert(hubcache::transport<transport>);

}  // namespace minimal
