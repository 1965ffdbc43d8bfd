#include <hubcache/transport/proxy.hpp>

#include <curl_transport.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "conformance/transport.hpp"
#include "conformance/transport_cache.hpp"
#include "conformance/transport_tls.hpp"
#include "support/temp_folder.hpp"

namespace {

using hubcache::errc;
using plugins::curl_options;
using plugins::curl_transport;

auto curl_with(curl_options extra, hubcache::transport_options options = hubcache::transport_options()) {
  return [=](asio::any_io_executor executor) { return curl_transport(executor, options, extra); };
}

/// What a server was sent for a request for `url`, with `authorization` or without.
std::string sent_to(const scripted::server& server, const curl_options& extra, const std::string& url,
                    const std::string& authorization = {}) {
  test::session net(curl_with(extra));
  auto request = test::request_to(url);
  if (!authorization.empty()) request.headers.add("Authorization", authorization);
  test::text_sink sink;
  net.fetch(request, sink);
  return server.requests().back();
}

}  // namespace

TEST_CASE("the libcurl plugin keeps the contract of transport") {
  hubcache::transport_options options;
  options.rate_window = std::chrono::milliseconds(150);
  test::transport_conformance(curl_with({}, options), {.rate_window = options.rate_window});
}

TEST_CASE("the libcurl plugin keeps what is asked of https, with HTTP/2 and without") {
  for (const bool http2 : {true, false}) {
    test::transport_tls_conformance([http2](asio::any_io_executor executor, const std::string& ca_file) {
      hubcache::transport_options options;
      options.ca_file = ca_file;
      curl_options extra;
      extra.http2 = http2;
      return curl_transport(executor, options, extra);
    });
  }
}

TEST_CASE("the libcurl plugin serves a cache") { test::transport_serves_a_cache(curl_with({})); }

TEST_CASE("the libcurl plugin waits for a connection beyond the timeout, until it is cancelled") {
  hubcache::transport_options options;
  options.max_per_origin = 1;
  test::waits_its_turn(curl_with({}, options));
}

TEST_CASE("the libcurl plugin keeps no idle connection where none is to be kept") {
  hubcache::transport_options none;
  none.max_idle_per_origin = 0;
  hubcache::transport_options expired;
  expired.idle_expiry = std::chrono::seconds(-1);
  for (const auto& options : {none, expired}) {
    const scripted::server server(scripted::always(scripted::ok("")));
    test::session net(curl_with({}, options));
    test::text_sink sink;
    for (int times = 0; times < 2; ++times) net.fetch(test::request_to(server.url()), sink);
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("the libcurl plugin takes any timeout") {
  const scripted::server server(scripted::always(scripted::ok("some")));
  test::session net(curl_with({}));
  auto request = test::request_to(server.url());
  request.timeout = std::chrono::milliseconds::max();
  test::text_sink sink;
  CHECK_FALSE(net.failure(request, sink));
}

TEST_CASE(
    "the libcurl plugin sends a netrc password to its origin alone, and never in the place of a token") {
  const test::temp_folder folder;
  const scripted::server origin(scripted::always(scripted::ok("")));
  const scripted::server other(scripted::always(scripted::ok("")));
  curl_options extra;
  extra.netrc_file = folder.write("netrc",
                                  "machine 127.0.0.1 login user password pass\n"
                                  "default login anybody password anything\n");
  const std::string basic = "\r\nAuthorization: Basic dXNlcjpwYXNz\r\n";
  CHECK(sent_to(origin, extra, origin.url()).find("Authorization") == std::string::npos);
  extra.netrc_origin = hubcache::url::parse(origin.url()).value();
  CHECK(sent_to(origin, extra, origin.url("/a")).find(basic) != std::string::npos);
  CHECK(sent_to(other, extra, other.url()).find("Authorization") == std::string::npos);
  const auto with_token = sent_to(origin, extra, origin.url(), "Bearer hf_token");
  CHECK(with_token.find("\r\nAuthorization: Bearer hf_token\r\n") != std::string::npos);
  CHECK(with_token.find("Basic") == std::string::npos);
}

TEST_CASE("the libcurl plugin refuses a netrc that cannot be read, and to send its password in the clear") {
  const scripted::server server(scripted::always(scripted::ok("")));
  curl_options extra;
  extra.netrc_file = "/nonexistent/netrc";
  extra.netrc_origin = hubcache::url::parse(server.url()).value();
  test::text_sink sink;
  test::session unreadable(curl_with(extra));
  CHECK(unreadable.failure(test::request_to(server.url()), sink) == errc::invalid_argument);
  extra.netrc_origin = hubcache::url::parse("http://hub.invalid").value();
  test::session clear(curl_with(extra));
  CHECK(clear.failure(test::request_to("http://hub.invalid/x"), sink) == errc::refused);
}

TEST_CASE("the libcurl plugin takes no proxy, and no exception from one, from the environment") {
  const scripted::server server(scripted::always(scripted::ok("direct")));
  const scripted::server proxy(scripted::always(scripted::ok("by the proxy")));
  const auto body = [&](const hubcache::transport_options& options) {
    ::setenv("http_proxy", "http://127.0.0.1:1", 1);
    ::setenv("no_proxy", "*", 1);
    test::session net(curl_with({}, options));
    test::text_sink sink;
    const auto failed = net.failure(test::request_to(server.url()), sink);
    ::unsetenv("http_proxy");
    ::unsetenv("no_proxy");
    CHECK_FALSE(failed);
    return sink.text;
  };
  hubcache::transport_options options;
  CHECK(body(options) == "direct");
  options.proxy.http = hubcache::url::parse(proxy.url()).value();
  CHECK(body(options) == "by the proxy");
}

TEST_CASE("the libcurl plugin gives a proxy the password as it is, with all its signs") {
  const scripted::server proxy(scripted::always(scripted::ok("")));
  hubcache::transport_options options;
  options.proxy.http = hubcache::url::parse(proxy.url()).value();
  options.proxy.http_credentials = hubcache::secret("user:a%41:b");
  test::session net(curl_with({}, options));
  test::text_sink sink;
  net.fetch(test::request_to("http://hub.invalid/"), sink);
  const auto expected = hubcache::basic_authorization(options.proxy.http_credentials);
  CHECK(proxy.requests().back().find("\r\nProxy-Authorization: " + expected + "\r\n") != std::string::npos);
}

TEST_CASE("the libcurl plugin refuses a SOCKS proxy that is no host") {
  for (const auto* wrong : {"http://host:1080", "user:pass@host:1080", "host:1080/path", "host:port"}) {
    curl_options extra;
    extra.socks_proxy = wrong;
    asio::io_context context;
    try {
      const curl_transport made(context.get_executor(), hubcache::transport_options(), extra);
      FAIL("it was taken");
    } catch (const hubcache::error& refused) {
      CHECK(refused.reason() == errc::invalid_argument);
      CHECK(refused.detail().find("user:pass") == std::string::npos);
    }
  }
}
