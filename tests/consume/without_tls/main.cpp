// Without TLS http works, and https says what to do. The transport alone: all headers would take a minute to compile.
#include <hubcache/transport/https.hpp>

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include <exception>
#include <iostream>
#include <memory>
#include <string>

#ifdef OPENSSL_SSL_H
#error "a header of libssl was included"
#endif

namespace {

/// The status that `url` answers with, or why it did not.
std::string outcome(asio::io_context& io, const std::string& url) {
  hubcache::https_transport net(io.get_executor());
  hubcache::http_request request;
  request.target = *hubcache::url::parse(url);
  hubcache::keep_sink sink;
  std::string result;
  auto ended = [&](const std::exception_ptr& failure, const hubcache::http_response& response) {
    if (const auto why = hubcache::error_of(failure)) {
      result = (why->reason() == hubcache::errc::tls_failed ? "tls_failed: " : "") + why->detail();
    } else {
      result = std::to_string(response.head.status);
    }
  };
  asio::co_spawn(io, net.exchange(request, sink), ended);
  io.restart();
  io.run();
  return result;
}

}  // namespace

int main() {
  asio::io_context io;
  asio::ip::tcp::acceptor server(io, {asio::ip::address_v4::loopback(), 0});
  server.async_accept([](const asio::error_code& ec, asio::ip::tcp::socket client) {
    if (!ec) asio::write(client, asio::buffer(std::string_view("HTTP/1.1 204 No Content\r\n\r\n")));
  });
  const auto host = "//127.0.0.1:" + std::to_string(server.local_endpoint().port()) + "/";
  const auto plain = outcome(io, "http:" + host);
  const auto secure = outcome(io, "https:" + host);
  std::cout << plain << '\n' << secure << '\n';
  return plain == "204" && secure.starts_with("tls_failed: ") &&
                 secure.find("HUBCACHE_TLS") != std::string::npos
             ? 0
             : 1;
}
