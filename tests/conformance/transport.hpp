#pragma once
/// @file
/// What every model of `transport` must do, against real servers on loopback. Call it in a test case of your own:
///
///   TEST_CASE("my_transport keeps the contract of transport") {
///     test::transport_conformance([](asio::any_io_executor executor) { return my_transport(executor); });
///   }
///
/// It needs doctest, this folder's parent on the include path, and a transport that reaches http://127.0.0.1: the
/// CMake target hubcache::conformance brings the first two. Optional: `transport_traits`, for models that leave out
/// what a transport may; conformance/transport_tls.hpp, for https; waits_its_turn(), for models with a bound of
/// connections. conformance/transport_cache.hpp runs a whole cache over the model, from the embedded Hub.

#include <hubcache/transport/any_transport.hpp>
#include <hubcache/transport/transport.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/scripted_server.hpp"

namespace test {

using hubcache::errc;
using hubcache::http_request;
using hubcache::http_response;
using std::chrono::milliseconds;
using verdict = hubcache::body_sink::verdict;

/// Takes a body into `text`, through a buffer of `room` bytes.
class text_sink final : public hubcache::body_sink {
 public:
  explicit text_sink(verdict answer = verdict::take, std::size_t room = 64 * 1024)
      : answer_(answer), room_(room) {}

  [[nodiscard]] verdict begin(const hubcache::response_head& head) override {
    ++begun;
    status = head.status;
    return answer_;
  }
  [[nodiscard]] asio::awaitable<std::span<std::byte>> acquire() override {
    if (suspend) {
      asio::steady_timer pause(co_await asio::this_coro::executor, *suspend);
      co_await pause.async_wait(asio::use_awaitable);
    }
    if (fail_after && text.size() >= *fail_after) throw std::runtime_error("the sink is full");
    co_return std::span<std::byte>(room_);
  }
  void commit(std::size_t n) override {
    REQUIRE(n > 0);
    REQUIRE(n <= room_.size());
    text.append(reinterpret_cast<const char*>(room_.data()), n);
  }

  std::optional<milliseconds> suspend;    ///< How long each acquire takes.
  std::optional<std::size_t> fail_after;  ///< Bytes after which acquire throws.
  int begun = 0;
  int status = 0;
  std::string text;

 private:
  verdict answer_;
  std::vector<std::byte> room_;
};

inline http_request request_to(const std::string& url, std::string method = "GET") {
  http_request request;
  request.method = std::move(method);
  request.target = hubcache::url::parse(url).value();
  request.timeout = milliseconds(5000);
  return request;
}

/// Makes the transport under test, erased: all that follows is compiled once.
using transport_maker = std::function<hubcache::any_transport(asio::any_io_executor)>;

template <class MakeTransport>
transport_maker erased(MakeTransport make) {
  return
      [make](asio::any_io_executor executor) { return hubcache::any_transport(make(std::move(executor))); };
}

/// What a model may do, or leave.
struct transport_traits {
  bool keeps_connections = true;  ///< An idle connection serves the next exchange with its origin.
  /// Over which `http_request::minimum_rate` is judged by the models that the test makes, at most 1 s; none: it is not.
  std::optional<milliseconds> rate_window = std::nullopt;
};

/// A transport on a context of its own.
class session {
 public:
  struct outcome {
    bool completed = false;
    std::exception_ptr failure;
    http_response response;
  };

  explicit session(const transport_maker& make)
      : transport_(make(asio::any_io_executor(io_.get_executor()))) {}
  template <class MakeTransport>
  explicit session(const MakeTransport& make) : session(erased(make)) {}

  /// Starts an exchange; `run` carries it out. `request` and `sink` are kept by reference.
  const outcome& start(const http_request& request, hubcache::body_sink& sink,
                       asio::cancellation_slot slot = {}) {
    auto& result = outcomes_.emplace_back();
    auto store = [&result](std::exception_ptr failure, http_response response) {
      result.completed = true;
      result.failure = failure;
      result.response = std::move(response);
    };
    asio::co_spawn(io_, transport_.exchange(request, sink),
                   asio::bind_cancellation_slot(slot, std::move(store)));
    return result;
  }

  /// Until nothing is left to do; an idle transport must leave nothing.
  void run() {
    io_.restart();
    io_.run_for(std::chrono::seconds(10));
    REQUIRE(io_.stopped());
  }

  http_response fetch(const http_request& request, hubcache::body_sink& sink) {
    const auto& result = start(request, sink);
    run();
    REQUIRE(result.completed);
    if (result.failure) std::rethrow_exception(result.failure);
    return result.response;
  }

  /// What the exchange fails with; none if it succeeds.
  std::optional<errc> failure(const http_request& request, hubcache::body_sink& sink) {
    try {
      fetch(request, sink);
    } catch (const hubcache::error& failed) {
      CHECK(failed.context().url == request.target.redacted());
      return failed.reason();
    }
    return std::nullopt;
  }

  asio::io_context& context() { return io_; }

 private:
  asio::io_context io_;
  std::deque<outcome> outcomes_;
  hubcache::any_transport transport_;
};

inline bool is_cancelled(const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::system_error& e) {
    return e.code() == errc::cancelled || e.code() == asio::error::operation_aborted;
  }
  return false;
}

inline std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t k = 0; k < size; ++k) text[k] = static_cast<char>('a' + k * 7 % 26);
  return text;
}

inline void conforms_in_bodies(const transport_maker& make, const transport_traits& traits) {
  session net(make);

  SUBCASE("a taken body reaches the sink in order, whatever its room") {
    const auto body = pattern(1'000'000);
    const scripted::server server(scripted::always(scripted::ok(body)));
    for (const std::size_t room : {std::size_t{7919}, std::size_t{262'144}, std::size_t{2'000'000}}) {
      text_sink sink(verdict::take, room);
      const auto response = net.fetch(request_to(server.url()), sink);
      CHECK(sink.text == body);
      CHECK(response.head.content_length == body.size());
      CHECK(response.body_bytes == body.size());
      CHECK(response.body.empty());
    }
    if (traits.keeps_connections) CHECK(server.connections() == 1);
  }
  SUBCASE("bytes that trickle in one by one make the same response") {
    const scripted::server server([](scripted::peer& client, std::size_t) {
      client.read_request();
      client.drip(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: "
          "v\r\n\r\n");
      client.wait_for_close();
    });
    text_sink sink(verdict::take, 4);
    CHECK(net.fetch(request_to(server.url()), sink).head.status == 200);
    CHECK(sink.text == "hello world");
  }
  SUBCASE("a body without framing ends with the connection") {
    const scripted::server server(scripted::answering({"HTTP/1.1 200 OK\r\n\r\nuntil the end"}));
    text_sink sink;
    const auto response = net.fetch(request_to(server.url()), sink);
    CHECK(sink.text == "until the end");
    CHECK_FALSE(response.head.content_length.has_value());
  }
  SUBCASE("a kept body goes into the response") {
    const scripted::server server(scripted::always(scripted::ok("kept")));
    hubcache::keep_sink sink;
    const auto response = net.fetch(request_to(server.url()), sink);
    CHECK(response.body == "kept");
    CHECK(response.body_bytes == 4);
  }
  SUBCASE("a kept body is cut at the limit, one that fits exactly is whole") {
    const scripted::server server(scripted::always(scripted::ok(pattern(1000))));
    hubcache::keep_sink sink;
    auto request = request_to(server.url());
    request.body_limit = 999;
    CHECK(net.fetch(request, sink).body == pattern(1000).substr(0, 999));
    request.body_limit = 1000;
    CHECK(net.fetch(request, sink).body == pattern(1000));
  }
  SUBCASE("a stopped body is not read and its connection not used again") {
    const scripted::server server(scripted::always(scripted::ok(pattern(50'000'000))));
    text_sink sink(verdict::stop);
    CHECK(net.fetch(request_to(server.url()), sink).head.status == 200);
    CHECK(sink.begun == 1);
    CHECK(sink.text.empty());
    CHECK(server.all_closed());
    CHECK(net.fetch(request_to(server.url()), sink).head.status == 200);
    CHECK(server.connections() == 2);
  }
  SUBCASE("an empty body calls begin and nothing else") {
    for (const auto* answer :
         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
          "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
      const scripted::server server(scripted::always(answer));
      text_sink sink;
      CHECK(net.fetch(request_to(server.url()), sink).body_bytes == 0);
      CHECK(sink.begun == 1);
      CHECK(sink.text.empty());
      CHECK(net.fetch(request_to(server.url()), sink).body_bytes == 0);
      if (traits.keeps_connections) CHECK(server.connections() == 1);
    }
  }
  SUBCASE("an answer to HEAD has no body, and its connection serves on") {
    const scripted::server server(scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"));
    text_sink sink;
    for (int times = 0; times < 2; ++times) {
      const auto response = net.fetch(request_to(server.url(), "HEAD"), sink);
      CHECK(response.body_bytes == 0);
      CHECK(response.head.content_length == 1234);
    }
    if (traits.keeps_connections) CHECK(server.connections() == 1);
  }
  SUBCASE("a sink may take its time for every piece") {
    const scripted::server server(scripted::always(scripted::ok(pattern(20'000))));
    text_sink sink(verdict::take, 1000);
    sink.suspend = milliseconds(15);
    auto request = request_to(server.url());
    request.timeout = milliseconds(100);  // 300 ms of sink time are not the network's
    net.fetch(request, sink);
    CHECK(sink.text == pattern(20'000));
  }
  SUBCASE("what a sink throws ends the exchange and closes its connection") {
    const scripted::server server(scripted::always(scripted::ok(pattern(300'000))));
    text_sink sink(verdict::take, 1000);
    sink.fail_after = 5000;
    CHECK_THROWS_WITH_AS(net.fetch(request_to(server.url()), sink), "the sink is full", std::runtime_error);
    CHECK(server.all_closed());
  }
}

inline void conforms_in_heads(const transport_maker& make) {
  session net(make);
  text_sink sink;

  SUBCASE("every status is a result") {
    for (const int status : {206, 302, 401, 404, 416, 429, 500, 503}) {
      const scripted::server server(
          scripted::always("HTTP/1.1 " + std::to_string(status) +
                           " Reason\r\nX-Request-Id: r\r\nContent-Length: 4\r\n\r\nbody"));
      hubcache::keep_sink keep;
      const auto response = net.fetch(request_to(server.url()), keep);
      CHECK(response.head.status == status);
      CHECK(response.head.headers.find("x-request-id") == "r");
      CHECK(response.body == "body");
    }
  }
  SUBCASE("redirects are not followed") {
    const scripted::server server(
        scripted::always("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"));
    const auto response = net.fetch(request_to(server.url()), sink);
    CHECK(response.head.status == 302);
    CHECK(response.head.headers.find("Location") == "/elsewhere");
    CHECK(server.requests().size() == 1);
  }
  SUBCASE("interim answers are skipped") {
    const scripted::server server(
        scripted::always("HTTP/1.1 100 Continue\r\n\r\n"
                         "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" +
                         scripted::ok("final")));
    const auto response = net.fetch(request_to(server.url()), sink);
    CHECK(response.head.status == 200);
    CHECK(sink.begun == 1);
    CHECK(sink.text == "final");
    CHECK_FALSE(response.head.headers.find("Link").has_value());
  }
  SUBCASE("the request carries its line, Host and the given fields") {
    const scripted::server server(scripted::always(scripted::ok("")));
    auto request = request_to(server.url("/a%20b?q=1&r"));
    request.headers.add("Accept-Encoding", "identity");
    request.headers.add("Range", "bytes=5-");
    net.fetch(request, sink);
    const auto sent = server.requests().at(0);
    CHECK(sent.starts_with("GET /a%20b?q=1&r HTTP/1.1\r\n"));
    CHECK(sent.find("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n") != sent.npos);
    CHECK(sent.find("\r\nAccept-Encoding: identity\r\n") != sent.npos);
    CHECK(sent.find("\r\nRange: bytes=5-\r\n") != sent.npos);
  }
  SUBCASE("a request body is sent with its length") {
    const scripted::server server(scripted::always(scripted::ok("")));
    auto request = request_to(server.url(), "POST");
    request.headers.add("Content-Type", "application/json");
    request.body = pattern(5000);
    net.fetch(request, sink);
    const auto sent = server.requests().at(0);
    CHECK(sent.starts_with("POST / HTTP/1.1\r\n"));
    CHECK(sent.find("\r\nContent-Length: 5000\r\n") != sent.npos);
    CHECK(sent.ends_with("\r\n\r\n" + pattern(5000)));
  }
  SUBCASE("a field that would break out of its line is refused before anything is sent") {
    const scripted::server server(scripted::always(scripted::ok("")));
    auto request = request_to(server.url());
    request.headers.add("X", "1\r\nAuthorization: stolen");
    CHECK(net.failure(request, sink) == errc::invalid_argument);
    CHECK(server.requests().empty());
  }
}

inline void conforms_in_failures(const transport_maker& make) {
  session net(make);
  text_sink sink;

  SUBCASE("a body that ends early is a lost connection") {
    for (const auto* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n"}) {
      CAPTURE(answer);
      const scripted::server server(scripted::answering({answer}));
      CHECK(net.failure(request_to(server.url()), sink) == errc::connection_lost);
    }
  }
  SUBCASE("a connection that is reset is a lost connection") {
    const scripted::server server([](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome");
      std::this_thread::sleep_for(milliseconds(30));
      client.reset();
    });
    CHECK(net.failure(request_to(server.url()), sink) == errc::connection_lost);
    CHECK(sink.text == "some");
  }
  SUBCASE("a connection that closes without an answer is a lost connection") {
    const scripted::server server([](scripted::peer& client, std::size_t) { client.read_request(); });
    CHECK(net.failure(request_to(server.url()), sink) == errc::connection_lost);
    CHECK(server.connections() == 1);
  }
  SUBCASE("malformed answers are bad responses") {
    for (const auto* answer :
         {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", "HTTP/1.1 20x OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfour\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"}) {
      CAPTURE(answer);
      const scripted::server server(scripted::answering({answer}));
      CHECK(net.failure(request_to(server.url()), sink) == errc::bad_response);
    }
  }
  SUBCASE("an endless head is a bad response") {
    const scripted::server server([](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nX: ");
      while (client.send(pattern(4096))) {
      }
    });
    CHECK(net.failure(request_to(server.url()), sink) == errc::bad_response);
  }
  SUBCASE("a port on which nobody listens is a failed connection") {
    const auto port = std::to_string(scripted::unused_port());
    CHECK(net.failure(request_to("http://127.0.0.1:" + port), sink) == errc::connection_failed);
  }
  SUBCASE("a name that DNS does not know is a host not found") {
    CHECK(net.failure(request_to("http://does-not-exist.invalid/"), sink) == errc::host_not_found);
  }
  SUBCASE("an answer that does not come times out") {
    const scripted::server server([](scripted::peer& client, std::size_t) { client.wait_for_close(); });
    auto request = request_to(server.url());
    request.timeout = milliseconds(100);
    CHECK(net.failure(request, sink) == errc::timed_out);
    CHECK(server.all_closed());
  }
  SUBCASE("a body that stalls times out, one that is merely slow does not") {
    const scripted::server server([](scripted::peer& client, std::size_t index) {
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
      for (int piece = 0; piece < (index == 0 ? 6 : 3); ++piece) {
        std::this_thread::sleep_for(milliseconds(60));
        client.send("x");
      }
      client.wait_for_close();
    });
    auto request = request_to(server.url());
    request.timeout = milliseconds(200);
    CHECK_FALSE(net.failure(request, sink).has_value());
    CHECK(sink.text == "xxxxxx");
    request.target = hubcache::url::parse(server.url("/stalls")).value();
    session other(make);  // with a connection of its own
    CHECK(other.failure(request, sink) == errc::timed_out);
  }
}

/// For models that judge `http_request::minimum_rate`.
inline void conforms_in_rates(const transport_maker& make, milliseconds rate_window) {
  session net(make);
  text_sink sink(verdict::take, 1000);

  SUBCASE("a body below the minimum rate times out, though its bytes keep coming") {
    const scripted::server server([](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      do std::this_thread::sleep_for(milliseconds(20));
      while (client.send("x"));
    });
    auto request = request_to(server.url());
    request.minimum_rate = 1000;
    CHECK(net.failure(request, sink) == errc::timed_out);
    CHECK_FALSE(sink.text.empty());
    CHECK(server.all_closed());
  }
  SUBCASE("a body is not to blame for a head that came late, nor for a sink that takes its time") {
    const scripted::server server([rate_window](scripted::peer& client, std::size_t) {
      client.read_request();
      std::this_thread::sleep_for(3 * rate_window);
      client.send(scripted::ok(pattern(20'000)));
      client.wait_for_close();
    });
    sink.suspend = rate_window / 5;  // 4 windows in all
    auto request = request_to(server.url());
    request.minimum_rate = 1'000'000;
    net.fetch(request, sink);
    CHECK(sink.text == pattern(20'000));
  }
}

inline void conforms_in_cancellation(const transport_maker& make) {
  session net(make);
  asio::cancellation_signal signal;
  text_sink sink;
  asio::steady_timer later(net.context(), milliseconds(50));
  later.async_wait([&](const asio::error_code&) { signal.emit(asio::cancellation_type::terminal); });

  SUBCASE("while the answer is awaited") {
    const scripted::server server([](scripted::peer& client, std::size_t) { client.wait_for_close(); });
    const auto request = request_to(server.url());
    const auto& result = net.start(request, sink, signal.slot());
    net.run();
    CHECK(is_cancelled(result.failure));
    CHECK(server.all_closed());
  }
  SUBCASE("in the middle of a body") {
    const scripted::server server([](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome");
      client.wait_for_close();
    });
    const auto request = request_to(server.url());
    const auto& result = net.start(request, sink, signal.slot());
    net.run();
    CHECK(is_cancelled(result.failure));
    CHECK(sink.text == "some");
    CHECK(server.all_closed());
  }
  SUBCASE("while the sink has no room") {
    const scripted::server server(scripted::always(scripted::ok(pattern(5'000'000))));
    sink.suspend = milliseconds(60'000);
    const auto request = request_to(server.url());
    const auto& result = net.start(request, sink, signal.slot());
    net.run();
    CHECK(is_cancelled(result.failure));
    CHECK(server.all_closed());
  }
}

inline void conforms_in_connections(const transport_maker& make, const transport_traits& traits) {
  SUBCASE("many exchanges run side by side") {
    session net(make);
    const scripted::server server([](scripted::peer& client, std::size_t) {
      while (const auto request = client.read_request())
        client.send(scripted::ok(request->substr(0, request->find(" HTTP")) + pattern(20'000)));
    });
    std::deque<http_request> requests;
    std::deque<text_sink> sinks;
    for (int k = 0; k < 32; ++k) {
      requests.push_back(request_to(server.url("/" + std::to_string(k))));
      sinks.emplace_back(verdict::take, std::size_t{1000});
      net.start(requests.back(), sinks.back());
    }
    net.run();
    for (std::size_t k = 0; k < sinks.size(); ++k)
      CHECK(sinks[k].text == "GET /" + std::to_string(k) + pattern(20'000));
  }
  SUBCASE("a kept-alive connection that dies before the answer is replaced once for GET and HEAD") {
    for (const auto* method : {"GET", "HEAD"}) {
      session net(make);
      const scripted::server server([](scripted::peer& client, std::size_t index) {
        while (const auto request = client.read_request()) {
          if (index == 0 && request->find(" /second ") != request->npos) return;
          client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
      });
      text_sink sink;
      net.fetch(request_to(server.url("/first")), sink);
      CHECK(net.fetch(request_to(server.url("/second"), method), sink).head.status == 200);
      CHECK(server.requests().size() == (traits.keeps_connections ? 3 : 2));
      CHECK(server.connections() == 2);
    }
  }
  SUBCASE("no request is repeated more than that, and POST never") {
    session net(make);
    const scripted::server server([](scripted::peer& client, std::size_t) {
      while (const auto request = client.read_request()) {
        if (request->find(" /first ") == request->npos) return;
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    });
    text_sink sink;
    net.fetch(request_to(server.url("/first")), sink);
    CHECK(net.failure(request_to(server.url("/second"), "POST"), sink) == errc::connection_lost);
    CHECK(server.requests().size() == 2);
    net.fetch(request_to(server.url("/first")), sink);
    CHECK(net.failure(request_to(server.url("/third")), sink) == errc::connection_lost);
    CHECK(server.requests().size() == (traits.keeps_connections ? 5 : 4));
  }
  SUBCASE("a connection that the server wants closed, or has closed, is not used again") {
    session net(make);
    const scripted::server server([](scripted::peer& client, std::size_t index) {
      client.read_request();
      client.send(index == 0 ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                             : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      if (index == 0) client.wait_for_close();
    });
    text_sink sink;
    for (int times = 0; times < 3; ++times) {
      CHECK(net.fetch(request_to(server.url(), "POST"), sink).head.status == 200);
      std::this_thread::sleep_for(milliseconds(20));
    }
    CHECK(server.connections() == 3);
  }
  SUBCASE("the transport may be gone when its exchange begins") {
    const scripted::server server(scripted::always(scripted::ok("served")));
    const auto request = request_to(server.url());
    text_sink sink;
    asio::io_context context;
    {
      auto brief = make(asio::any_io_executor(context.get_executor()));
      asio::co_spawn(context, brief.exchange(request, sink), [](std::exception_ptr, http_response) {});
    }
    context.run_for(std::chrono::seconds(10));
    CHECK(sink.text == "served");
  }
  SUBCASE("exchanges may be abandoned with their context") {
    const scripted::server server([](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome");
      client.wait_for_close();
    });
    {
      auto request = request_to(server.url());
      text_sink sink;
      session net(make);
      net.start(request, sink);
      net.context().run_for(milliseconds(50));
      CHECK(sink.text == "some");
    }
    CHECK(server.all_closed());
  }
}

/// For models with a bound of connections: `make` makes one that opens a single one. The time that an exchange
/// waits for it is no silence of the server's.
template <class MakeTransport>
void waits_its_turn(MakeTransport make) {
  const scripted::server server([](scripted::peer& client, std::size_t) {
    while (const auto request = client.read_request()) {
      if (request->starts_with("GET /held ")) client.wait_for_close();
      client.send(scripted::ok("free"));
    }
  });
  session net(make);
  text_sink sink;
  asio::cancellation_signal holder;
  asio::cancellation_signal waiter;
  const auto held = request_to(server.url("/held"));
  auto brief = request_to(server.url("/brief"));
  brief.timeout = milliseconds(50);
  const auto& first = net.start(held, sink, holder.slot());
  const auto& second = net.start(brief, sink);
  const auto& third = net.start(held, sink, waiter.slot());
  const auto last = request_to(server.url("/last"));
  const auto& fourth = net.start(last, sink);
  asio::steady_timer later(net.context(), milliseconds(150));
  later.async_wait([&](const asio::error_code&) {
    waiter.emit(asio::cancellation_type::terminal);
    holder.emit(asio::cancellation_type::terminal);
  });
  net.run();
  CHECK(is_cancelled(first.failure));
  CHECK_FALSE(second.failure);
  CHECK(is_cancelled(third.failure));
  CHECK_FALSE(fourth.failure);
  CHECK(sink.text == "freefree");
  CHECK(server.connections() == 2);
}

/// The whole contract of `transport`. @param make  called with an executor, returns the model by value
template <class MakeTransport>
void transport_conformance(MakeTransport make, transport_traits traits = {}) {
  static_assert(hubcache::transport<decltype(make(std::declval<asio::any_io_executor>()))>,
                "the model lacks what hubcache/transport/transport.hpp asks for");
  const auto maker = erased(std::move(make));
  conforms_in_bodies(maker, traits);
  conforms_in_heads(maker);
  conforms_in_failures(maker);
  if (traits.rate_window) conforms_in_rates(maker, *traits.rate_window);
  conforms_in_cancellation(maker);
  conforms_in_connections(maker, traits);
}

}  // namespace test
