#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/connect_race.hpp>
#include <hubcache/transport/connection.hpp>

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL std::string host_and_port(const url& host) {
  const bool bracketed = host.host().find(':') != std::string::npos;
  return (bracketed ? "[" + host.host() + "]" : host.host()) + ":" + std::to_string(host.port());
}

HUBCACHE_DECL std::string in_seconds(std::chrono::milliseconds time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

HUBCACHE_DECL void connection::begin_exchange(std::chrono::milliseconds timeout) {
  timeout_ = std::clamp<std::chrono::milliseconds>(timeout, std::chrono::milliseconds(1),
                                                   std::chrono::hours(365 * 24));
  minimum_rate_ = 0;
  answered_ = false;
  turn_ = 0;
  watched_ = true;
  timeouts_->enter(*this, clock::now() + timeout_);
}

HUBCACHE_DECL void connection::begin_body(std::uint64_t minimum_rate, std::chrono::milliseconds window) {
  minimum_rate_ = minimum_rate;
  window_ = std::max(window, std::chrono::milliseconds(1));
  window_bytes_ = 0;
  window_time_ = {};
}

HUBCACHE_DECL void connection::end_exchange() {
  if (!watched_) return;
  watched_ = false;
  timeouts_->leave(*this);
  idle_since_ = clock::now();
}

HUBCACHE_DECL void connection::guard_until(clock::time_point deadline) {
  timed_out_ = false;
  deadline_ = deadline;
  timeouts_->look_by(deadline);
}

HUBCACHE_DECL connection::clock::time_point connection::look(clock::time_point now) {
  if (deadline_ == never) return now + timeout_;  // nothing is waited for, a sink is at work
  if (now < deadline_) return deadline_;
  timed_out_ = true;
  deadline_ = never;
  asio::error_code ignored;
  socket_.close(ignored);
  return now + timeout_;
}

HUBCACHE_DECL void connection::fail(const asio::error_code& ec) const {
  if (timed_out_)
    throw error(errc::timed_out, !head_begun_ ? "nothing came from " + peer_ + " for " + in_seconds(timeout_)
                                              : "no whole head of an answer from " + peer_ + " within " +
                                                    in_seconds(timeout_) + " of its first byte");
  if (ec == asio::error::operation_aborted) throw error(errc::cancelled, "while talking to " + peer_);
  throw error(errc::connection_lost, peer_ + " broke the connection: " + ec.message());
}

HUBCACHE_DECL asio::awaitable<void> connection::open(const origin_route& way,
                                                     std::shared_ptr<secure_context> tls) {
  const url& first = way.proxy ? *way.proxy : *way.target;
  if (first.secure() && way.proxy)
    throw error(errc::proxy_failed, "the proxy " + first.origin() + " is not a plain http one");
  to_proxy_ = way.proxy != nullptr;
  gave_credentials_ = !way.authorization.empty();
  co_await connect(first);
  if (!way.target->secure()) co_return;
  if (way.proxy) co_await open_tunnel(way);
  co_await shake_hands(way, std::move(tls));
}

/// A look-up in flight. Asio can neither cancel nor time one out, so it belongs to its own handler and the
/// coroutine waits for a timer that the handler cancels.
struct name_lookup : std::enable_shared_from_this<name_lookup> {
  explicit name_lookup(const asio::any_io_executor& executor) : resolver(executor), arrival(executor) {}
  void start(const url& host);

  asio::ip::tcp::resolver resolver;
  asio::steady_timer arrival;
  bool arrived = false;
  asio::error_code ec;
  std::vector<asio::ip::tcp::endpoint> found;
};

HUBCACHE_DECL void name_lookup::start(const url& host) {
  using flags = asio::ip::resolver_base;
  resolver.async_resolve(host.host(), std::to_string(host.port()),
                         flags::numeric_service | flags::address_configured,
                         [self = shared_from_this()](const asio::error_code& failure,
                                                     const asio::ip::tcp::resolver::results_type& results) {
                           self->arrived = true;
                           self->ec = failure;
                           for (const auto& entry : results) self->found.push_back(entry.endpoint());
                           self->arrival.cancel();
                         });
}

HUBCACHE_DECL asio::awaitable<connection::endpoints> connection::look_up(const url& host,
                                                                         clock::time_point deadline) {
  asio::error_code ec;
  const auto address = asio::ip::make_address(host.host(), ec);
  if (!ec) co_return endpoints(1, {address, host.port()});

  const auto lookup = std::make_shared<name_lookup>(socket_.get_executor());
  lookup->arrival.expires_at(deadline);
  lookup->start(host);
  co_await lookup->arrival.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  if (!lookup->arrived) {
    lookup->resolver.cancel();
    if (ec) throw error(errc::cancelled, "while looking up " + host.host());
    throw error(errc::timed_out, "no answer from DNS about " + host.host() + " for " + in_seconds(timeout_));
  }
  if (lookup->ec || lookup->found.empty())
    throw error(to_proxy_ ? errc::proxy_failed : errc::host_not_found,
                "no address for " + std::string(to_proxy_ ? "the proxy " : "") + host.host() + ": " +
                    lookup->ec.message());
  co_return std::move(lookup->found);
}

HUBCACHE_DECL asio::awaitable<void> connection::connect(const url& host) {
  peer_ = (to_proxy_ ? "the proxy " : "") + host_and_port(host);
  const auto deadline = clock::now() + timeout_;
  const auto addresses = co_await look_up(host, deadline);

  const auto ec = co_await connect_first(socket_, addresses, deadline);
  if (!ec) {
    asio::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    co_return;
  }
  if (ec == asio::error::operation_aborted) throw error(errc::cancelled, "while connecting to " + peer_);
  if (ec == asio::error::timed_out)
    throw error(errc::timed_out, "no connection to " + peer_ + " within " + in_seconds(timeout_));
  throw error(to_proxy_ ? errc::proxy_failed : errc::connection_failed,
              ec == asio::error::connection_refused ? "nobody listens on " + peer_
                                                    : "cannot connect to " + peer_ + ": " + ec.message());
}

HUBCACHE_DECL asio::awaitable<void> connection::open_tunnel(const origin_route& way) {
  header_list fields;
  if (!way.authorization.empty()) fields.add("Proxy-Authorization", way.authorization);
  const auto request = http1::format_connect(*way.target, fields);
  co_await write(request);
  const auto answer = co_await read_head("CONNECT");
  const int status = answer.head().status;
  if (status < 200 || status > 299) fail_proxy(answer.head(), " to CONNECT " + host_and_port(*way.target));
  if (!buffered().empty()) throw error(errc::proxy_failed, peer_ + " sent bytes ahead of the tunnel's");
  to_proxy_ = false;
  peer_ = host_and_port(*way.target);
}

HUBCACHE_DECL void connection::fail_proxy(const response_head& head, const std::string& asked) const {
  error_context context;
  context.http_status = head.status;
  std::string what = peer_ + " answered " + std::to_string(head.status) + asked;
  if (head.status == 407) {
    what.append(!http1::offers_basic(head.headers)
                    ? ": it does not offer Basic authentication, the only kind known here"
                : gave_credentials_ ? ": it wants other credentials"
                                    : ": it wants credentials, user:password@ in its URL");
  }
  // 502 to 504: the way behind the proxy is at fault, which may pass.
  const bool behind = head.status >= 502 && head.status <= 504;
  throw error(behind ? errc::connection_failed : errc::proxy_failed, std::move(what), context);
}

HUBCACHE_DECL asio::awaitable<void> connection::shake_hands(const origin_route& way,
                                                            std::shared_ptr<secure_context> tls) {
  tls_ = tls->stream(socket_, way.target->host(), way.key());
  // The peer may take the time of one wait for all of its messages.
  const auto deadline = clock::now() + timeout_;
  guard_until(deadline);
  for (;;) {
    asio::error_code ec;
    const auto step = tls_->shake_hands(ec);
    if (step == io_step::done) break;
    if (ec) fail_handshake(ec);
    const auto direction =
        step == io_step::want_write ? asio::ip::tcp::socket::wait_write : asio::ip::tcp::socket::wait_read;
    co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, ec));
    if (timed_out_ || ec) fail_handshake(ec);
  }
  deadline_ = never;
}

HUBCACHE_DECL void connection::fail_handshake(const asio::error_code& ec) const {
  if (timed_out_)
    throw error(errc::timed_out, "no TLS handshake with " + peer_ + " within " + in_seconds(timeout_));
  if (const auto refusal = tls_->refusal(ec); !refusal.empty())
    throw error(errc::tls_failed, refusal + ", from " + peer_);
  fail(ec);
}

HUBCACHE_DECL asio::awaitable<void> connection::wait(io_step step) {
  turn_ = 0;
  if (step == io_step::done) co_return co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  asio::error_code ec;
  const auto direction =
      step == io_step::want_write ? asio::ip::tcp::socket::wait_write : asio::ip::tcp::socket::wait_read;
  const auto start = clock::now();
  deadline_ = std::min(start + timeout_, head_deadline_);
  co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, ec));
  deadline_ = never;
  if (timed_out_ || ec) fail(ec);
  if (minimum_rate_ != 0) window_time_ += clock::now() - start;
}

HUBCACHE_DECL io_step connection::send(std::string_view bytes, std::size_t& n, asio::error_code& ec) {
  if (tls_) return tls_->write(bytes, n, ec);
  n = socket_.write_some(asio::buffer(bytes), ec);
  if (ec == asio::error::would_block) return io_step::want_write;
  return ec ? io_step::failed : io_step::done;
}

HUBCACHE_DECL io_step connection::receive(std::span<std::byte> into, std::size_t& n, asio::error_code& ec) {
  if (tls_) return tls_->read(into, n, ec);
  n = socket_.read_some(asio::buffer(into.data(), into.size()), ec);
  if (ec == asio::error::would_block) return io_step::want_read;
  if (ec == asio::error::eof) return io_step::closed;
  return ec ? io_step::failed : io_step::done;
}

HUBCACHE_DECL asio::awaitable<void> connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    asio::error_code ec;
    std::size_t n = 0;
    const auto step = send(bytes, n, ec);
    if (step == io_step::closed) ec = asio::error::eof;
    if (step == io_step::failed || step == io_step::closed) fail(ec);
    bytes.remove_prefix(n);
    if (step != io_step::done) co_await wait(step);
  }
  next_ = io_step::want_read;
}

HUBCACHE_DECL asio::awaitable<std::size_t> connection::read(std::span<std::byte> into) {
  for (;;) {
    if (next_ != io_step::done || turn_ >= turn_size) co_await wait(next_);
    asio::error_code ec;
    std::size_t n = 0;
    const auto step = receive(into, n, ec);
    next_ = step == io_step::want_read || step == io_step::want_write ? step : io_step::done;
    if (n != 0) {
      answered_ = true;
      turn_ += n;
      if (minimum_rate_ != 0) meter(n);
      co_return n;
    }
    if (step == io_step::closed) co_return 0;
    if (step == io_step::failed) fail(ec);
    if (minimum_rate_ != 0) meter(0);  // what came was TLS's alone, such as a part of a record
  }
}

HUBCACHE_DECL void connection::meter(std::size_t bytes) {
  window_bytes_ += bytes;
  if (window_time_ < window_) return;
  const auto seconds = std::chrono::duration<double>(window_time_).count();
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(window_bytes_) / seconds);
  if (rate < minimum_rate_)
    throw error(errc::timed_out, "only " + std::to_string(rate) + " bytes/s came from " + peer_ +
                                     ", fewer than " + std::to_string(minimum_rate_));
  window_bytes_ = 0;
  window_time_ = {};
}

HUBCACHE_DECL asio::awaitable<bool> connection::fill() {
  begin_ = end_ = 0;
  end_ = co_await read(std::as_writable_bytes(std::span(buffer_.get(), buffer_size)));
  co_return end_ != 0;
}

HUBCACHE_DECL void connection::parse_into(http1::response_parser& parser, bool tunnel) {
  try {
    consume(parser.feed(buffered()));
  } catch (const error& malformed) {
    throw error(tunnel ? errc::proxy_failed : errc::bad_response, peer_ + ": " + malformed.detail());
  }
}

HUBCACHE_DECL asio::awaitable<http1::response_parser> connection::read_head(std::string_view method) {
  const bool tunnel = method == "CONNECT";
  constexpr int max_interim = 16;
  for (int interim = 0; interim <= max_interim; ++interim) {
    http1::response_parser parser(method);
    // Also of a TLS stream that brings nothing but records of its own.
    head_deadline_ = clock::now() + timeout_;
    while (!parser.complete()) {
      if (buffered().empty() && !co_await fill())
        throw error(errc::connection_lost,
                    peer_ + (answered_ ? " closed the connection within a response head"
                                       : " closed the connection without an answer"));
      if (!std::exchange(head_begun_, true)) head_deadline_ = clock::now() + timeout_;
      parse_into(parser, tunnel);
    }
    head_deadline_ = never;
    head_begun_ = false;
    if (parser.interim()) continue;
    if (to_proxy_ && !tunnel && parser.head().status == 407) fail_proxy(parser.head(), "");
    co_return parser;
  }
  throw error(tunnel ? errc::proxy_failed : errc::bad_response, peer_ + ": more than 16 interim answers");
}

HUBCACHE_DECL bool connection::is_fresh() {
  if (!socket_.is_open() || !buffered().empty()) return false;
  std::byte unasked{};
  asio::error_code ec;
  std::size_t n = 0;
  return receive({&unasked, 1}, n, ec) == io_step::want_read;  // TLS session tickets go their own way
}

}  // namespace hubcache::inline v0_1::detail
