#pragma once
/// @file
/// The default transport: HTTP/1.1 over TCP and TLS, on Asio and OpenSSL.

#include <hubcache/config.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/transport/transport.hpp>

#include <asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// What the HTTPS transport needs of the settings.
struct transport_options {
  transport_options() = default;

  proxy_settings proxy;             ///< http proxies: CONNECT for https targets, absolute form for http.
  std::string ca_file;              ///< PEM file of trusted roots.
  std::string ca_dir;               ///< Folder of hashed PEM files. If both are empty: the system's roots.
  std::size_t max_per_origin = 64;  ///< Connections open at a time, >= 1; exchanges beyond wait.
  std::size_t max_idle_per_origin = 64;  ///< Kept-alive connections that wait for the next exchange.
  std::chrono::seconds idle_expiry{60};  ///< How long they wait; looked at when exchanges begin and end.
  std::chrono::milliseconds rate_window{
      30'000};  ///< Of waiting for bytes, over which minimum_rate is judged.

  friend bool operator==(const transport_options&, const transport_options&) = default;
};
static_assert(!std::is_aggregate_v<transport_options>);

namespace detail {
class http_client;
}

/// Models `transport` with a pool of kept-alive connections, the one used last first. An exchange that finds
/// none idle opens one, up to `max_per_origin`; those beyond are served in the order in which they came.
///
/// - TLS 1.2 or newer, the certificate and its host name verified, SNI. Further connections to an origin
///   resume the session of an earlier one.
/// - `http_request::timeout` bounds look-up and connect together, the handshake, each wait for bytes, and a head
///   from its first byte to its last; not the time that a sink's `acquire` takes, nor the wait for one of the
///   `max_per_origin` connections: a server that is busy with our other exchanges is not silent. `minimum_rate`
///   counts the time spent waiting for the body.
/// - A body goes from the socket straight into what the sink acquires, whatever there is at a time. After
///   1 MiB the other exchanges have their turn.
/// - Connections race a host's addresses (RFC 8305): the next one is tried when the one before failed or has
///   not answered for 250 ms, IPv6 and IPv4 by turns; a dead family or address costs no more than that.
/// - A 407 of a proxy is errc::proxy_failed, for http targets as well.
/// - errc::invalid_argument for requests that cannot be put on the wire (see http1::format_request).
/// - Each copy shares the pool.
///
/// @par Cancellation  terminal: closes the connection of the exchange. Frames may be destroyed at any
/// suspension.
/// @par Thread safety  One executor, a strand if its context has several threads, runs everything, exchanges
///   included. Asio's resolver owns a thread for names (not for addresses): a look-up that timed out or was
///   cancelled keeps it, and `io_context::run`, busy until the system's resolver returns.
/// @par Lifetime  The executor's context outlives the transport; exchanges may outlive it.
class https_transport {
 public:
  /// Free of I/O: certificates load at the first https exchange, where a bundle has to be parsed it is delayed by
  /// up to 0.1 s.
  explicit https_transport(asio::any_io_executor executor, transport_options options = transport_options());

  /// As transport says.
  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink);

 private:
  static asio::awaitable<http_response> run(std::shared_ptr<detail::http_client> client,
                                            const http_request& request, body_sink& sink);
  std::shared_ptr<detail::http_client> client_;
};
static_assert(transport<https_transport>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_https.ipp>
#endif
