#pragma once
/// @file
/// The smallest transport that keeps the contract: plain http, one connection for each exchange. The library's
/// hubcache::http1 writes the requests and reads the answers; here are the socket, the timeouts and the body.

#include <hubcache/transport/http1.hpp>
#include <hubcache/transport/transport.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// A socket on which no wait takes longer than `timeout`. Nothing is awaited on it after a failure.
class timed_socket {
 public:
  timed_socket(const asio::any_io_executor& executor, std::chrono::milliseconds timeout)
      : shared_(std::make_shared<state>(executor)), resolver_(executor), timeout_(timeout) {}

  asio::awaitable<void> connect(const hubcache::url& target) {
    using hubcache::errc;
    asio::error_code ec;
    const auto found = co_await resolver_.async_resolve(target.host(), std::to_string(target.port()),
                                                        asio::redirect_error(asio::use_awaitable, ec));
    if (ec) throw hubcache::error(errc::host_not_found, target.host() + ": " + ec.message());
    begin_wait();
    co_await asio::async_connect(shared_->socket, found, asio::redirect_error(asio::use_awaitable, ec));
    end_wait(ec, errc::connection_failed);
  }
  asio::awaitable<void> write(std::string_view bytes) {
    asio::error_code ec;
    begin_wait();
    co_await asio::async_write(shared_->socket, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, ec));
    end_wait(ec, hubcache::errc::connection_lost);
  }
  /// What there is, at least one byte, valid until the next call; nothing at the end of the stream.
  asio::awaitable<std::string_view> read() {
    asio::error_code ec;
    begin_wait();
    const auto n = co_await shared_->socket.async_read_some(asio::buffer(bytes_),
                                                            asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::eof) ec.clear();
    end_wait(ec, hubcache::errc::connection_lost);
    co_return std::string_view(bytes_.data(), n);
  }

 private:
  struct state {  // outlives the waits of the timer
    explicit state(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}
    asio::ip::tcp::socket socket;
    asio::steady_timer timer;
    bool timed_out = false;
  };
  void begin_wait() {
    shared_->timer.expires_after(timeout_);
    shared_->timer.async_wait([weak = std::weak_ptr(shared_)](const asio::error_code& ec) {
      const auto alive = weak.lock();
      if (ec || !alive) return;
      alive->timed_out = true;
      alive->socket.close();
    });
  }
  void end_wait(const asio::error_code& ec, hubcache::errc reason) {
    shared_->timer.cancel();
    if (!ec) return;
    if (shared_->timed_out) throw hubcache::error(hubcache::errc::timed_out, "nothing came in time");
    if (ec == asio::error::operation_aborted) throw hubcache::error(hubcache::errc::cancelled, "");
    throw hubcache::error(reason, ec.message());
  }

  std::shared_ptr<state> shared_;
  asio::ip::tcp::resolver resolver_;
  std::chrono::milliseconds timeout_;
  std::array<char, 16 * 1024> bytes_{};
};

/// Models hubcache::transport. `http_request::minimum_rate` is left out.
class own_transport {
 public:
  explicit own_transport(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// No coroutine itself: its frame would need this when it begins, and it may be gone by then.
  asio::awaitable<hubcache::http_response> exchange(const hubcache::http_request& request,
                                                    hubcache::body_sink& sink) {
    return run(executor_, request, sink);
  }

 private:
  static asio::awaitable<hubcache::http_response> run(asio::any_io_executor executor,
                                                      const hubcache::http_request& request,
                                                      hubcache::body_sink& sink) {
    hubcache::error_context where;
    where.url = request.target.redacted();
    try {
      one_exchange exchange(executor, request);
      co_return co_await exchange.run(sink);
    } catch (const hubcache::error& failure) {
      throw failure.within(where);
    }
  }

  class one_exchange {
   public:
    one_exchange(const asio::any_io_executor& executor, const hubcache::http_request& request)
        : request_(request), socket_(executor, request.timeout), parser_(request.method) {}

    asio::awaitable<hubcache::http_response> run(hubcache::body_sink& sink) {
      using verdict = hubcache::body_sink::verdict;
      if (request_.target.secure())
        throw hubcache::error(hubcache::errc::tls_failed, "this transport has no TLS");
      const auto text = hubcache::http1::format_request(request_);
      co_await socket_.connect(request_.target);
      co_await socket_.write(text);
      co_await read_head();
      hubcache::http_response response;
      response.head = parser_.head();
      const auto chosen = sink.begin(response.head);
      if (chosen == verdict::stop) co_return response;
      for (auto piece = co_await next_piece(); !piece.empty(); piece = co_await next_piece()) {
        response.body_bytes += piece.size();
        if (chosen == verdict::take) {
          co_await hubcache::write_to(sink, piece);
          continue;
        }
        const auto room = request_.body_limit - response.body.size();
        response.body.append(piece.substr(0, room));
        if (piece.size() > room) co_return response;
      }
      co_return response;
    }

   private:
    /// Of the final answer.
    asio::awaitable<void> read_head() {
      for (;;) {
        if (unread_.empty()) co_await fill();
        unread_.remove_prefix(parser_.feed(unread_));
        if (!parser_.complete()) continue;
        if (!parser_.interim()) break;
        parser_ = hubcache::http1::response_parser(request_.method);
      }
      left_ = parser_.head().content_length.value_or(UINT64_MAX);
    }
    asio::awaitable<void> fill() {
      unread_ = co_await socket_.read();
      if (unread_.empty())
        throw hubcache::error(hubcache::errc::connection_lost, "the answer ended too early");
    }
    /// Valid until the next call; nothing at the end of the body.
    asio::awaitable<std::string_view> next_piece() {
      using hubcache::http1::framing;
      const auto how = parser_.body();
      while (how != framing::none && left_ > 0 && !chunks_.done()) {
        if (how == framing::until_close) co_return co_await rest();
        if (unread_.empty()) co_await fill();
        const auto piece = how == framing::chunked ? chunks_.next(unread_) : take_counted();
        if (!piece.empty()) co_return piece;
      }
      co_return std::string_view();
    }
    asio::awaitable<std::string_view> rest() {
      if (unread_.empty()) co_return co_await socket_.read();
      co_return std::exchange(unread_, std::string_view());
    }
    std::string_view take_counted() {
      const auto piece =
          unread_.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, unread_.size())));
      unread_.remove_prefix(piece.size());
      left_ -= piece.size();
      return piece;
    }

    const hubcache::http_request& request_;
    timed_socket socket_;
    hubcache::http1::response_parser parser_;
    hubcache::http1::chunk_decoder chunks_;
    std::uint64_t left_ = 0;   // of a counted body
    std::string_view unread_;  // of what the socket gave last
  };

  asio::any_io_executor executor_;
};
static_assert(hubcache::transport<own_transport>);
