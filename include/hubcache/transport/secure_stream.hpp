#pragma once
/// @file
/// What a connection wants of TLS. transport/tls.hpp has it from OpenSSL; with HUBCACHE_WITHOUT_TLS nobody has. Not for
/// other users.

#include <hubcache/config.hpp>

#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1::detail {

/// How an attempt to move bytes, which never blocks, ended.
enum class io_step : unsigned char {
  done,
  want_read,   ///< Go on when the socket has something to read.
  want_write,  ///< Go on when it takes more.
  closed,      ///< The peer ended the stream in good order.
  failed,
};

/// The client's end of one stream over a non-blocking socket. Nothing here suspends: what wants the socket says so.
class secure_stream {
 public:
  secure_stream() = default;
  secure_stream(const secure_stream&) = delete;
  secure_stream& operator=(const secure_stream&) = delete;
  virtual ~secure_stream() = default;

  /// Calls may be repeated until they are `done`. `ec` is set where the result is `failed`. Never `closed`.
  [[nodiscard]] virtual io_step shake_hands(asio::error_code& ec) = 0;
  /// Puts `n` bytes into `into`; the result says why not more. What failed after some bytes fails again.
  [[nodiscard]] virtual io_step read(std::span<std::byte> into, std::size_t& n, asio::error_code& ec) = 0;
  /// @param bytes must begin with the same ones after want_read and want_write.
  [[nodiscard]] virtual io_step write(std::string_view bytes, std::size_t& n, asio::error_code& ec) = 0;
  /// What the two ends did not agree on, if that is why a handshake failed with `ec`; empty if the socket is.
  [[nodiscard]] virtual std::string refusal(const asio::error_code& ec) const = 0;
};

/// What the streams of one transport share. One executor, as its transport.
class secure_context {
 public:
  secure_context() = default;
  secure_context(const secure_context&) = delete;
  secure_context& operator=(const secure_context&) = delete;
  virtual ~secure_context() = default;

  /// A stream that keeps this context alive.
  /// @param socket outlives the stream. @param origin names what may resume each other's sessions.
  /// @throws error errc::tls_failed if certificates for `host` cannot be verified
  [[nodiscard]] virtual std::unique_ptr<secure_stream> stream(asio::ip::tcp::socket& socket,
                                                              const std::string& host,
                                                              std::string origin) = 0;
};

}  // namespace hubcache::inline v0_1::detail
