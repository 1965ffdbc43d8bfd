#pragma once
/// @file
/// A transport on libcurl, as an example of one's own: HTTP/2 and whatever else the installed libcurl can do,
/// at the price of one more copy of each byte. It passes the same conformance tests as https_transport.
///
///   using curl_cache = hubcache::basic_cache<plugins::curl_transport, ...>;

#include <hubcache/transport/https.hpp>
#include <hubcache/transport/transport.hpp>

#include <asio/any_io_executor.hpp>

#include <memory>

namespace plugins {

/// Models hubcache::transport on a curl multi handle, whose sockets and timer are watched by the executor.
///
/// A body that the sink does not take in time is paused in libcurl; up to 512 KiB of it are held here. The
/// options mean what they mean to https_transport. `http_request::timeout` bounds look-up, connect and
/// handshake together, and more than 24 days of it are 24. Requests other than GET and HEAD get a connection of their own: libcurl would repeat
/// them on a dead one.
/// @par Thread safety  As https_transport: one executor. libcurl looks names up in threads of its own.
/// @par Lifetime  The executor's context outlives the transport; exchanges may outlive it.
class curl_transport {
 public:
  explicit curl_transport(asio::any_io_executor executor,
                          hubcache::transport_options options = hubcache::transport_options());

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
