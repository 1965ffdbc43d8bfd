#include <hubcache/transport/memory_transport.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <string>

namespace {

using hubcache::errc;
using hubcache::http_request;
using hubcache::http_response;
using verdict = hubcache::body_sink::verdict;

class small_sink final : public hubcache::body_sink {
 public:
  explicit small_sink(verdict answer = verdict::take) : answer_(answer) {}
  [[nodiscard]] verdict begin(const hubcache::response_head&) override { return answer_; }
  [[nodiscard]] asio::awaitable<std::span<std::byte>> acquire() override {
    co_return std::span<std::byte>(room_);
  }
  void commit(std::size_t n) override { text.append(reinterpret_cast<const char*>(room_), n); }

  std::string text;

 private:
  verdict answer_;
  std::byte room_[3]{};
};

http_response response_with(int status, std::string body) {
  http_response response;
  response.head.status = status;
  response.body = std::move(body);
  return response;
}

http_request request_to(const std::string& path, std::string method = "GET") {
  http_request request;
  request.method = std::move(method);
  request.target = hubcache::url::parse("http://hub.test" + path).value();
  return request;
}

http_response fetch(hubcache::memory_transport& net, const http_request& request, hubcache::body_sink& sink) {
  asio::io_context io;
  std::exception_ptr failure;
  http_response response;
  auto store = [&](std::exception_ptr e, http_response r) {
    failure = e;
    response = std::move(r);
  };
  asio::co_spawn(io, net.exchange(request, sink), store);
  io.run();
  if (failure) std::rethrow_exception(failure);
  return response;
}

errc failure(hubcache::memory_transport& net, const http_request& request, hubcache::body_sink& sink) {
  try {
    fetch(net, request, sink);
  } catch (const hubcache::error& e) {
    return e.reason();
  }
  return errc{};
}

TEST_CASE("memory_transport answers from its function and records the requests") {
  hubcache::memory_transport net(
      [](const http_request& request) { return response_with(200, "at " + request.target.target()); }, 4);
  small_sink sink;
  const auto response = fetch(net, request_to("/a"), sink);
  CHECK(sink.text == "at /a");
  CHECK(response.body_bytes == 5);
  CHECK(response.head.content_length == 5);
  hubcache::keep_sink keep;
  CHECK(fetch(net, request_to("/b"), keep).body == "at /b");
  REQUIRE(net.requests().size() == 2);
  CHECK(net.requests()[1].target.target() == "/b");
}

TEST_CASE("memory_transport sends no body where HTTP has none") {
  int status = 200;
  hubcache::memory_transport net([&](const http_request&) { return response_with(status, "body"); });
  small_sink sink;
  CHECK(fetch(net, request_to("/", "HEAD"), sink).head.content_length == 4);
  status = 304;
  CHECK(fetch(net, request_to("/"), sink).body_bytes == 0);
  CHECK(sink.text.empty());
}

TEST_CASE("memory_transport cuts a kept body at its limit and reads none after stop") {
  hubcache::memory_transport net([](const http_request&) { return response_with(404, "0123456789"); }, 4);
  auto request = request_to("/");
  request.body_limit = 6;
  hubcache::keep_sink keep;
  CHECK(fetch(net, request, keep).body == "012345");
  small_sink stop(verdict::stop);
  CHECK(fetch(net, request, stop).body_bytes == 0);
}

TEST_CASE("memory_transport loses the connection when the body is shorter than promised") {
  hubcache::memory_transport net([](const http_request&) {
    auto response = response_with(200, "half");
    response.head.content_length = 8;
    return response;
  });
  small_sink sink;
  CHECK(failure(net, request_to("/"), sink) == errc::connection_lost);
  CHECK(sink.text == "half");
}

TEST_CASE("memory_transport fails at the step asked for, once, until the steps run out") {
  for (std::size_t n = 0;; ++n) {
    REQUIRE(n < 10);
    hubcache::memory_transport net([](const http_request&) { return response_with(200, "123456789"); });
    net.fail_at(n, errc::timed_out);
    small_sink sink;
    const auto failed = failure(net, request_to("/"), sink);
    if (failed == errc{}) {
      CHECK(n == 4);  // the request and three chunks
      break;
    }
    CHECK(failed == errc::timed_out);
    CHECK(sink.text == std::string("123456789").substr(0, n == 0 ? 0 : (n - 1) * 3));
    sink.text.clear();
    CHECK(failure(net, request_to("/"), sink) == errc{});
  }
}

TEST_CASE("memory_transport passes on what its function throws, with the redacted URL") {
  hubcache::memory_transport net(
      [](const http_request&) -> http_response { throw hubcache::error(errc::host_not_found, "no"); });
  small_sink sink;
  try {
    fetch(net, request_to("/x?signature=secret"), sink);
    FAIL("it did not throw");
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::host_not_found);
    CHECK(e.context().url == "http://hub.test/x?...");
  }
}

}  // namespace
