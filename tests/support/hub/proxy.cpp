#include "support/hub/proxy.hpp"

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "support/hub/http.hpp"
#include "support/hub/tcp_service.hpp"

namespace embedded {
namespace {

using asio::ip::tcp;

constexpr std::size_t head_limit = 64 * 1024;

std::string base64(const std::string& text) {
  std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

/// Passes bytes on until one side ends, then ends the other.
void pump(tcp::socket& from, tcp::socket& to) {
  std::array<char, 64 * 1024> block{};
  std::error_code failed;
  while (!failed) {
    const std::size_t n = from.read_some(asio::buffer(block), failed);
    std::error_code unsent;
    asio::write(to, asio::buffer(block.data(), n), unsent);
    if (!failed) failed = unsent;
  }
  std::error_code ignored;
  to.shutdown(tcp::socket::shutdown_send, ignored);
}

/// "host:port", the port with a default. IPv6 addresses are out of scope here.
std::pair<std::string, std::string> host_and_port(std::string_view authority, std::string_view port) {
  const auto colon = authority.find(':');
  if (colon == std::string_view::npos) return {std::string(authority), std::string(port)};
  return {std::string(authority.substr(0, colon)), std::string(authority.substr(colon + 1))};
}

void answer(tcp::socket& to, int status, const std::string& extra = {}) {
  asio::write(to, asio::buffer("HTTP/1.1 " + std::to_string(status) + " " + std::string(reason(status)) +
                               "\r\n" + extra + "Content-Length: 0\r\nConnection: close\r\n\r\n"));
}

}  // namespace

struct proxy::state {
  explicit state(proxy_options given)
      : options(std::move(given)),
        service("127.0.0.1", options.port,
                [this](tcp::socket& client, std::uint64_t, const std::stop_token& stop) {
                  serve(client, stop);
                }) {}

  void serve(tcp::socket& client, const std::stop_token& stop) {
    std::string pending;
    const std::size_t end = asio::read_until(client, asio::dynamic_buffer(pending, head_limit), "\r\n\r\n");
    const auto asked = parse_request(std::string_view(pending).substr(0, end));
    if (!asked) return;
    pending.erase(0, end);
    if (!options.credentials.empty()) {
      const std::string* given = asked->headers.find("Proxy-Authorization");
      if (given == nullptr || *given != "Basic " + base64(options.credentials)) {
        ++denied;
        return answer(client, 407, "Proxy-Authenticate: Basic realm=\"embedded\"\r\n");
      }
    }
    if (options.refusal != 0) {
      ++refused;
      return answer(client, options.refusal);
    }
    const bool tunnel = asked->method == "CONNECT";
    std::string_view target = asked->target;
    if (!tunnel && !target.starts_with("http://")) return answer(client, 400);
    if (!tunnel) target.remove_prefix(std::string_view("http://").size());
    const auto slash = std::min(target.find('/'), target.size());
    const auto [host, port] = host_and_port(target.substr(0, slash), tunnel ? "443" : "80");

    tcp::socket server(client.get_executor());
    if (!connected(server, host, port)) {
      ++refused;
      return answer(client, 502);
    }
    if (tunnel) {
      ++tunnels;
      asio::write(client, asio::buffer(std::string_view("HTTP/1.1 200 Connection established\r\n\r\n")));
      asio::write(server, asio::buffer(pending));
    } else {
      ++forwarded;
      if (asked->headers.find("Authorization") != nullptr) ++plain_authorizations;
      const std::string path(slash == target.size() ? "/" : target.substr(slash));
      asio::write(server, asio::buffer(origin_form(*asked, path) + pending));
    }
    both_ways(client, server, stop);
  }

  static bool connected(tcp::socket& server, const std::string& host, const std::string& port) {
    std::error_code failed;
    tcp::resolver resolver(server.get_executor());
    const auto addresses = resolver.resolve(host, port, failed);
    if (!failed) asio::connect(server, addresses, failed);
    return !failed;
  }

  /// One request a connection: the server is asked to close, so that its answer ends the exchange.
  static std::string origin_form(const request& asked, const std::string& path) {
    std::string text = asked.method + " " + path + " HTTP/1.1\r\nConnection: close\r\n";
    for (const auto& [name, value] : asked.headers.all()) {
      const bool hop = same_name(name, "Connection") || same_name(name, "Proxy-Connection") ||
                       same_name(name, "Proxy-Authorization");
      if (!hop) text += name + ": " + value + "\r\n";
    }
    return text + "\r\n";
  }

  static void both_ways(tcp::socket& client, tcp::socket& server, const std::stop_token& stop) {
    const std::stop_callback cut(stop, [&server] {
      std::error_code ignored;
      server.shutdown(tcp::socket::shutdown_both, ignored);
    });
    std::jthread upstream([&] { pump(client, server); });
    pump(server, client);
    // The server is done; the client may keep its side open, but nobody listens any more.
    std::error_code ignored;
    client.shutdown(tcp::socket::shutdown_receive, ignored);
  }

  const proxy_options options;
  std::atomic<std::uint64_t> tunnels{0}, forwarded{0}, denied{0}, refused{0}, plain_authorizations{0};
  tcp_service service;  // last: its threads use the rest
};

proxy::proxy(proxy_options options) : state_(std::make_unique<state>(std::move(options))) {}
proxy::~proxy() = default;

std::uint16_t proxy::port() const { return state_->service.port(); }
std::string proxy::url() const {
  const std::string user = state_->options.credentials.empty() ? "" : state_->options.credentials + "@";
  return "http://" + user + "127.0.0.1:" + std::to_string(port());
}
std::uint64_t proxy::tunnels() const { return state_->tunnels; }
std::uint64_t proxy::forwarded() const { return state_->forwarded; }
std::uint64_t proxy::denied() const { return state_->denied; }
std::uint64_t proxy::refused() const { return state_->refused; }
std::uint64_t proxy::plain_authorizations() const { return state_->plain_authorizations; }

}  // namespace embedded
