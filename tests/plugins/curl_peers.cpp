// The libcurl plugin against servers that others wrote: nginx for HTTP/2, microsocks for SOCKS.
#include <curl_transport.hpp>
#include <doctest/doctest.h>
#include <openssl/pem.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "conformance/transport_cache.hpp"
#include "conformance/transport_tls.hpp"
#include "plugins/server_program.hpp"
#include "support/hub/fixtures.hpp"
#include "support/machine.hpp"

namespace {

using hubcache::errc;
using plugins::curl_options;
using plugins::curl_transport;

/// nginx with HTTP/2 over TLS, in front of the Hub at `hub` and its CDN at `cdn`; files of its own below /files/.
class http2_front {
 public:
  http2_front(const std::string& program, const std::string& hub, const std::string& cdn) {
    const auto certificate = test::signed_for("IP:127.0.0.1");
    std::FILE* const key = std::fopen(folder_.write("key.pem", "").c_str(), "w");
    PEM_write_PrivateKey(key, certificate.key(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(key);
    folder_.write("certificate.pem", certificate.pem());
    folder_.write("files/body", test::pattern(300'000));
    options.ca_file = folder_.write("roots.pem", test::authority().pem());
    const auto conf = folder_.write("nginx.conf", text(hub, cdn));
    server_.emplace(std::vector<std::string>{program, "-p", folder_.path().string(), "-c", conf, "-e",
                                             folder_ / "error.log"},
                    port_);
  }

  [[nodiscard]] std::string url(const std::string& path = {}) const {
    return "https://127.0.0.1:" + std::to_string(port_) + path;
  }
  /// What nginx says of the requests so far: protocol, connection and path, one a line.
  [[nodiscard]] std::string log() const { return test::read_file(folder_ / "access.log"); }
  /// The connections over which `requests` requests came; none if one of them was not HTTP/2. nginx may write of a
  /// request after its client has the answer: waits for that.
  [[nodiscard]] std::size_t http2_connections(std::size_t requests) const {
    const auto lines_of = [](const std::string& text) {
      return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    };
    for (int tries = 0; tries < 500 && lines_of(log()) < requests; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::set<std::string> connections;
    std::istringstream lines(log());
    std::string protocol, connection, path;
    std::size_t count = 0;
    for (; lines >> protocol >> connection >> path; ++count) {
      if (protocol != "HTTP/2.0") return 0;
      connections.insert(connection);
    }
    return count >= requests ? connections.size() : 0;
  }

  hubcache::transport_options options;  ///< Trust it.

 private:
  [[nodiscard]] std::string text(const std::string& hub, const std::string& cdn) const {
    const auto root = folder_.path().string();
    return "daemon off; master_process off; pid " + root + "/pid; error_log " + root +
           "/error.log;\n"
           "events {}\nhttp {\n"
           "log_format l '$server_protocol $connection $uri'; access_log " +
           root +
           "/access.log l;\n"
           "client_body_temp_path " +
           root + "/a; proxy_temp_path " + root + "/b; fastcgi_temp_path " + root + "/c; uwsgi_temp_path " +
           root + "/d; scgi_temp_path " + root +
           "/e;\n"
           "server { listen 127.0.0.1:" +
           std::to_string(port_) +
           " ssl http2;\n"
           "ssl_certificate " +
           root + "/certificate.pem; ssl_certificate_key " + root +
           "/key.pem;\n"
           "root " +
           root +
           ";\nlocation /files/ {}\n"
           "location /cdn/ { proxy_pass " +
           cdn +
           "/; }\n"
           "location / { proxy_pass " +
           hub + "; proxy_redirect " + cdn + "/ " + url("/cdn/") + "; }\n}}\n";
  }

  test::temp_folder folder_;
  std::uint16_t port_ = scripted::unused_port();
  std::optional<test::server_program> server_;
};

auto curl_over(const hubcache::transport_options& options, const curl_options& extra = curl_options()) {
  return [=](asio::any_io_executor executor) { return curl_transport(executor, options, extra); };
}

/// microsocks on a port of its own, with a password.
class socks_server {
 public:
  explicit socks_server(const std::string& program)
      : server_({program, "-i", "127.0.0.1", "-p", std::to_string(port_), "-u", "user", "-P", "p%61ss"},
                port_) {}
  [[nodiscard]] curl_options options(const std::string& credentials) const {
    curl_options extra;
    extra.socks_proxy = "127.0.0.1:" + std::to_string(port_);
    extra.socks_credentials = hubcache::secret(credentials);
    return extra;
  }
  [[nodiscard]] std::string said() const { return server_.said(); }

 private:
  std::uint16_t port_ = scripted::unused_port();
  test::server_program server_;
};

}  // namespace

TEST_CASE("the libcurl plugin runs many exchanges over one HTTP/2 connection, side by side") {
  const auto nginx = test::installed("nginx");
  if (!nginx) return;
  const http2_front front(*nginx, "http://127.0.0.1:1", "http://127.0.0.1:1");
  test::session net(curl_over(front.options));
  std::deque<test::text_sink> sinks;
  const auto request = test::request_to(front.url("/files/body"));
  for (int k = 0; k < 20; ++k) {
    sinks.emplace_back(test::verdict::take, std::size_t{10'000});
    sinks.back().suspend = std::chrono::milliseconds(k % 3);  // so that some are paused while others run
    net.start(request, sinks.back());
  }
  net.run();
  for (const auto& sink : sinks) CHECK(sink.text == test::pattern(300'000));
  CHECK(front.http2_connections(20) == 1);
}

TEST_CASE("the libcurl plugin ends a cancelled or stopped HTTP/2 exchange, and its connection serves on") {
  const auto nginx = test::installed("nginx");
  if (!nginx) return;
  const http2_front front(*nginx, "http://127.0.0.1:1", "http://127.0.0.1:1");
  test::session net(curl_over(front.options));
  const auto request = test::request_to(front.url("/files/body"));
  test::text_sink slow(test::verdict::take, 100);
  slow.suspend = std::chrono::minutes(1);
  asio::cancellation_signal signal;
  const auto& cancelled = net.start(request, slow, signal.slot());
  asio::steady_timer later(net.context(), std::chrono::milliseconds(100));
  later.async_wait([&](const asio::error_code&) { signal.emit(asio::cancellation_type::terminal); });
  test::text_sink beside;
  net.start(request, beside);
  net.run();
  CHECK(test::is_cancelled(cancelled.failure));
  CHECK(beside.text == test::pattern(300'000));
  test::text_sink stopped(test::verdict::stop);
  CHECK(net.fetch(request, stopped).head.status == 200);
  test::text_sink again;
  net.fetch(request, again);
  CHECK(again.text == test::pattern(300'000));
  CHECK(front.http2_connections(4) == 1);
}

TEST_CASE("a whole download comes over one HTTP/2 connection") {
  const auto nginx = test::installed("nginx");
  if (!nginx) return;
  embedded::hub hub;
  hub.put(embedded::tiny());
  const http2_front front(*nginx, hub.endpoint(), hub.cdn());
  test::machine here(hub);
  here.config.endpoint = hubcache::url::parse(front.url()).value();
  test::cache_over cache(here.config, test::erased(curl_over(front.options)));
  CHECK(test::holds(cache->snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(front.http2_connections(1) == 1);
  CHECK(front.log().find(" /cdn/") != std::string::npos);
}

TEST_CASE("the libcurl plugin reaches hosts by a SOCKS proxy, which looks their names up") {
  const auto microsocks = test::installed("microsocks");
  if (!microsocks) return;
  const socks_server proxy(*microsocks);
  const scripted::server server(scripted::always(scripted::ok("behind the proxy")));
  test::session net(curl_over({}, proxy.options("user:p%61ss")));
  test::text_sink sink;
  net.fetch(test::request_to("http://localhost:" + std::to_string(server.port()) + "/"), sink);
  CHECK(sink.text == "behind the proxy");
  CHECK(proxy.said().find("localhost:" + std::to_string(server.port())) != std::string::npos);
}

TEST_CASE(
    "what a SOCKS proxy cannot do is a failed connection where the host is to blame, else the proxy's") {
  const auto microsocks = test::installed("microsocks");
  if (!microsocks) return;
  const socks_server proxy(*microsocks);
  test::text_sink sink;
  const auto nobody = test::request_to("http://127.0.0.1:" + std::to_string(scripted::unused_port()) + "/");
  test::session behind(curl_over({}, proxy.options("user:p%61ss")));
  CHECK(behind.failure(nobody, sink) == errc::connection_failed);
  test::session stranger(curl_over({}, proxy.options("user:wrong")));
  CHECK(stranger.failure(nobody, sink) == errc::proxy_failed);
}
