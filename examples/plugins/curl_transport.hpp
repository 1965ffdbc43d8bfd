#pragma once
/// @file
/// A transport on libcurl, as an example of one's own: HTTP/2, SOCKS proxies and netrc files, which https_transport
/// does not have, at the price of one more copy of each byte. It passes the same conformance tests.
///
///   plugins::curl_options curl;
///   curl.socks_proxy = "127.0.0.1:1080";
///   plugins::curl_transport network(executor, hubcache::transport_options(), curl);
///   hubcache::basic_cache<plugins::curl_transport, hubcache::default_hashes, hubcache::default_link,
///                         hubcache::mapped_index> cache(executor, pool, settings, std::move(network));
///
/// To take it over: copy the two files, link libcurl 7.85 or newer. CMake: find_package(CURL 7.85), CURL::libcurl.

#include <hubcache/settings.hpp>
#include <hubcache/transport/https.hpp>
#include <hubcache/transport/transport.hpp>
#include <hubcache/url.hpp>

#include <asio/any_io_executor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>

namespace plugins {

/// What libcurl can do beyond transport_options.
struct curl_options {
  curl_options() = default;

  bool http2 = true;  ///< Use HTTP/2 with https servers that offer it, many exchanges on one connection.
  std::string
      socks_proxy;  ///< HOST[:PORT] of a SOCKS5 proxy, in place of the http proxies; it looks names up.
  hubcache::secret socks_credentials;  ///< "user:password" for it, or empty.
  /// A netrc file, whose line for the host of netrc_origin is sent to that origin, and to no other, by requests
  /// without an Authorization field: a token is never replaced.
  std::string netrc_file;
  std::optional<hubcache::url> netrc_origin;
};
static_assert(!std::is_aggregate_v<curl_options>);

/// Models hubcache::transport on a curl multi handle, whose sockets and timer are watched by the executor.
///
/// - A body that the sink does not take in time is paused in libcurl; up to 512 KiB of it are held here. Over HTTP/2
///   libcurl holds besides what it had let the server send before: up to its window, 32 MiB of each body in 7.88.
/// - transport_options mean what they mean to https_transport; nothing is taken from the environment. With HTTP/2
///   `max_per_origin` still counts connections, and one of them carries up to 100 exchanges. `max_idle_per_origin`
///   says whether idle ones are kept (not 0) or not (0); how many is libcurl's choice: up to four times as many
///   connections, over all origins, as exchanges run.
/// - `http_request::timeout` bounds look-up, connect and handshake together; more than 24 days of it are 24.
/// - A body without a length is whole when its connection ends, even if TLS was cut short: libcurl wants it so.
/// - Requests other than GET and HEAD get a connection of their own: libcurl would repeat them on a dead one.
/// - errc::invalid_argument for a netrc_file that cannot be read; errc::refused if its password would go over plain
///   http to another machine.
/// @par Thread safety  As https_transport: one executor. libcurl looks names up in threads of its own.
/// @par Lifetime  The executor's context outlives the transport; exchanges may outlive it.
class curl_transport {
 public:
  /// @throws hubcache::error errc::invalid_argument for a socks_proxy that is no HOST[:PORT]
  explicit curl_transport(asio::any_io_executor executor,
                          hubcache::transport_options options = hubcache::transport_options(),
                          curl_options extra = curl_options());

  [[nodiscard]] asio::awaitable<hubcache::http_response> exchange(const hubcache::http_request& request,
                                                                  hubcache::body_sink& sink);

 private:
  class loop;
  class transfer;
  static asio::awaitable<hubcache::http_response> run(std::shared_ptr<loop> on,
                                                      const hubcache::http_request& request,
                                                      hubcache::body_sink& sink);
  std::shared_ptr<loop> loop_;
};
static_assert(hubcache::transport<curl_transport>);

}  // namespace plugins
