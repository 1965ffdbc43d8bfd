#pragma once
/// @file
/// One TCP or TLS connection of `https_transport`, with the timeouts of its exchange. Not for other users.

#include <hubcache/config.hpp>
#include <hubcache/error.hpp>
#include <hubcache/transport/http1.hpp>
#include <hubcache/transport/secure_stream.hpp>
#include <hubcache/transport/watchdog.hpp>
#include <hubcache/url.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// The way to an origin.
struct origin_route {
  origin_route() = default;

  const url* target = nullptr;  ///< Its origin counts.
  const url* proxy = nullptr;   ///< Null: the way is direct.
  std::string authorization;    ///< For the proxy; empty for none.
  /// What connections of this route have in common: requests to one key may share them.
  [[nodiscard]] std::string key() const {
    return proxy && !target->secure() ? "proxy " + proxy->origin() : target->origin();
  }
};
static_assert(!std::is_aggregate_v<origin_route>);

/// Failures are thrown as `error`, after which the object is good for nothing but destruction. Its coroutines
/// must be awaited by an owner of the object.
///
/// Bytes move by attempts that never block; only when one wants the socket does the coroutine suspend, at the
/// latest after `turn_size` bytes, so that the other connections get their turn.
class connection final : private watched {
 public:
  using clock = watchdog::clock;

  connection(const asio::any_io_executor& executor, std::shared_ptr<watchdog> timeouts)
      : socket_(executor), timeouts_(std::move(timeouts)) {}
  ~connection() { end_exchange(); }

  /// Starts the clock of an exchange, `open` included. `timeout` is taken for at least 1 ms and at most a year.
  void begin_exchange(std::chrono::milliseconds timeout);
  /// From here on `minimum_rate` (bytes/s, 0 = none) is judged over each `window` spent waiting for bytes.
  void begin_body(std::uint64_t minimum_rate, std::chrono::milliseconds window);
  /// Stops it, so that an idle connection keeps nothing running.
  void end_exchange();
  /// Whether a byte has come since begin_exchange.
  [[nodiscard]] bool answered() const noexcept { return answered_; }

  /// Connects to the first address that answers, through the proxy's tunnel if there is one, and shakes hands with a secure target. `tls` may
  /// be null for an http target.
  [[nodiscard]] asio::awaitable<void> open(const origin_route& way, std::shared_ptr<secure_context> tls);
  /// Sends a whole request. The next read waits for its answer.
  [[nodiscard]] asio::awaitable<void> write(std::string_view bytes);
  /// Reads the head of the final answer to a request of `method`; skips interim ones. Each head has one
  /// timeout to begin and one to be complete, however it drips.
  [[nodiscard]] asio::awaitable<http1::response_parser> read_head(std::string_view method);
  /// Reads straight into `into` what there is, at least one byte; 0 at the end of the stream.
  /// @pre buffered() is empty
  [[nodiscard]] asio::awaitable<std::size_t> read(std::span<std::byte> into);
  /// Reads some bytes into the buffer; false at the end of the stream. @pre buffered() is empty
  [[nodiscard]] asio::awaitable<bool> fill();
  /// What was read and not consumed. Valid until fill().
  [[nodiscard]] std::string_view buffered() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t n) noexcept { begin_ += n; }

  /// Whether it is still fit for a request: open, and the peer has sent nothing. @pre between exchanges
  [[nodiscard]] bool is_fresh();
  [[nodiscard]] clock::time_point idle_since() const noexcept { return idle_since_; }
  /// Names the peer in messages: HOST:PORT.
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }

 private:
  [[nodiscard]] clock::time_point look(clock::time_point now) override;
  using endpoints = std::vector<asio::ip::tcp::endpoint>;
  [[nodiscard]] asio::awaitable<endpoints> look_up(const url& host, clock::time_point deadline);
  [[nodiscard]] asio::awaitable<void> connect(const url& host);
  [[nodiscard]] asio::awaitable<void> open_tunnel(const origin_route& way);
  [[nodiscard]] asio::awaitable<void> shake_hands(const origin_route& way,
                                                  std::shared_ptr<secure_context> tls);
  [[nodiscard]] io_step receive(std::span<std::byte> into, std::size_t& n, asio::error_code& ec);
  [[nodiscard]] io_step send(std::string_view bytes, std::size_t& n, asio::error_code& ec);
  /// Suspends until the socket has what `step` wants; `done` lets the others have their turn.
  [[nodiscard]] asio::awaitable<void> wait(io_step step);
  [[noreturn]] void fail(const asio::error_code& ec) const;
  [[noreturn]] void fail_handshake(const asio::error_code& ec) const;
  /// Tells that the proxy answered with `head` to what was `asked`.
  [[noreturn]] void fail_proxy(const response_head& head, const std::string& asked) const;
  void parse_into(http1::response_parser& parser, bool tunnel);
  void meter(std::size_t bytes);
  void guard_until(clock::time_point deadline);

  static constexpr std::size_t buffer_size = 32 * 1024;
  static constexpr std::size_t turn_size = 1024 * 1024;
  static constexpr clock::time_point never = watchdog::never;

  std::string peer_;
  asio::ip::tcp::socket socket_;
  std::unique_ptr<secure_stream> tls_;  // null: the bytes go as they are
  std::shared_ptr<watchdog> timeouts_;
  clock::time_point deadline_ = never;       // of what is waited for
  clock::time_point head_deadline_ = never;  // of the head that is awaited: to begin, then to be complete
  bool head_begun_ = false;
  clock::time_point idle_since_{};
  std::chrono::milliseconds timeout_{0};
  bool to_proxy_ = false;          // the peer is the proxy
  bool gave_credentials_ = false;  // credentials were given for it
  bool watched_ = false;
  bool timed_out_ = false;
  bool answered_ = false;

  io_step next_ = io_step::done;  // what reading wants before it is worth an attempt
  std::size_t turn_ = 0;          // bytes moved since the last suspension
  std::uint64_t minimum_rate_ = 0;
  std::chrono::milliseconds window_{0};
  std::uint64_t window_bytes_ = 0;
  clock::duration window_time_{0};  // spent waiting

  std::unique_ptr<char[]> buffer_{new char[buffer_size]};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_connection.ipp>
#endif
