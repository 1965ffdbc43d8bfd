// Servers and proxies that want to hold a client up, fill it up, or mislead it.
#include <hubcache/transport/https.hpp>
#include <hubcache/transport/tls.hpp>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <poll.h>
#include <span>
#include <string>
#include <thread>

#include "transport/https_exchange.hpp"

namespace {

using hubcache::errc;
using std::chrono::milliseconds;
using test::failed;
using test::request_to;
using test::says;
using test::text_sink;

TEST_CASE("a head that drips has one timeout to be complete, an interim one as well") {
  for (const auto* start : {"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 103 Early Hints\r\nX: "}) {
    const scripted::server server([start](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send(start);
      while (client.send("x")) std::this_thread::sleep_for(milliseconds(20));
    });
    auto make = test::with({});
    test::session net(make);
    auto request = request_to(server.url());
    request.timeout = milliseconds(100);
    const auto e = failed(net, request);
    CHECK(e.reason() == errc::timed_out);
    CHECK_MESSAGE(says(e, "no whole head"), e.detail());
  }
}

TEST_CASE("interim answers without end are a bad response") {
  const scripted::server server([](scripted::peer& client, std::size_t) {
    client.read_request();
    while (client.send("HTTP/1.1 103 Early Hints\r\n\r\n")) {
    }
  });
  auto make = test::with({});
  test::session net(make);
  CHECK(failed(net, request_to(server.url())).reason() == errc::bad_response);
}

TEST_CASE("what follows an answer unasked is never taken for the next one") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(test::signed_for("IP:127.0.0.1"));
  const auto answer = scripted::ok("own") + scripted::ok("forged");
  const scripted::server plain(scripted::always(answer));
  const scripted::server secure(scripted::over_tls(identity, scripted::always(answer)));
  auto make = test::with(test::trusting(folder, test::authority()));
  test::session net(make);
  for (const auto& target : {plain.url(), test::https_url(secure)}) {
    for (const auto take : {test::verdict::take, test::verdict::keep}) {
      text_sink sink(take);
      for (int times = 0; times < 2; ++times) {
        const auto response = net.fetch(request_to(target), sink);
        CHECK(sink.text + response.body == "own");
        sink.text.clear();
      }
    }
  }
  CHECK(plain.connections() == 4);
  CHECK(secure.connections() == 4);
}

TEST_CASE("records of TLS that bring nothing do not keep a slow body alive") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(test::signed_for("IP:127.0.0.1"));
  const scripted::server server([&](scripted::peer& plain, std::size_t) {
    scripted::tls_peer client(plain, identity);
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (plain.send(client.key_updates(1))) std::this_thread::sleep_for(milliseconds(20));
  });
  auto options = test::trusting(folder, test::authority());
  options.rate_window = milliseconds(100);
  auto make = test::with(options);
  test::session net(make);
  auto request = request_to(test::https_url(server));
  request.minimum_rate = 1;
  const auto e = failed(net, request);
  CHECK(e.reason() == errc::timed_out);
  CHECK_MESSAGE(says(e, "bytes/s"), e.detail());
}

TEST_CASE("one attempt to read from a TLS stream ends, however many records that bring nothing are there") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(test::signed_for("IP:127.0.0.1"));
  const scripted::server server([&](scripted::peer& plain, std::size_t) {
    scripted::tls_peer client(plain, identity);
    plain.send(client.key_updates(20'000));  // half a MB
    client.send("at last");
    client.wait_for_close();
  });
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), server.port()});
  hubcache::detail::tls_stream stream(
      std::make_shared<hubcache::detail::tls_context>(folder.write("ca.pem", test::authority().pem()), ""),
      socket, "127.0.0.1", server.url());
  asio::error_code ec;
  REQUIRE(stream.shake_hands(ec) == hubcache::detail::io_step::done);  // the socket blocks
  socket.non_blocking(true);
  std::array<std::byte, 64> bytes{};
  std::size_t n = 0;
  bool paused = false;
  while (n == 0) {
    pollfd readable{socket.native_handle(), POLLIN, 0};
    ::poll(&readable, 1, -1);
    const auto step = stream.read(std::span(bytes).first(7), n, ec);
    REQUIRE_FALSE(ec);
    paused = paused || (step == hubcache::detail::io_step::want_read && socket.available() > 0);
  }
  CHECK(paused);
  CHECK(n == 7);
}

TEST_CASE("a timeout of no time is taken for a short one, and keeps nothing busy") {
  const scripted::server server(scripted::always(scripted::ok("some")));
  auto make = test::with({});
  test::session net(make);
  auto request = request_to(server.url());
  request.timeout = milliseconds(0);
  text_sink sink;
  sink.suspend = milliseconds(50);
  std::size_t turns = 0;
  while (sink.text.empty()) {  // a millisecond may be too short for the server
    turns = 0;
    const auto& result = net.start(request, sink);
    net.context().restart();
    while (!result.completed) turns += net.context().run_one();
  }
  CHECK(turns < 1000);
}

/// What the proxies of these tests do instead of opening the tunnel that they are asked for.
struct bad_proxy {
  const char* name;
  scripted::server::script script;
  errc reason;
};

TEST_CASE("a proxy that misbehaves is named, whatever it does") {
  const std::deque<bad_proxy> proxies{
      {"closes at once", [](scripted::peer&, std::size_t) {}, errc::connection_lost},
      {"closes within its answer",
       [](scripted::peer& client, std::size_t) {
         client.read_request();
         client.send("HTTP/1.1 200 Connec");
       },
       errc::connection_lost},
      {"is silent", [](scripted::peer& client, std::size_t) { client.wait_for_close(); }, errc::timed_out},
      {"drips",
       [](scripted::peer& client, std::size_t) {
         while (client.send("HTTP/1.1 200 OK\r\nX:")) std::this_thread::sleep_for(milliseconds(20));
       },
       errc::timed_out},
      {"speaks no HTTP",
       [](scripted::peer& client, std::size_t) {
         client.read_request();
         client.send("220 mail.test ESMTP\r\n");
         client.wait_for_close();
       },
       errc::proxy_failed},
      {"sends an endless head",
       [](scripted::peer& client, std::size_t) {
         client.read_request();
         client.send("HTTP/1.1 200 OK\r\n");
         while (client.send("X: " + test::pattern(4000) + "\r\n")) {
         }
       },
       errc::proxy_failed},
      {"sends bytes ahead of the tunnel's",
       [](scripted::peer& client, std::size_t) {
         client.read_request();
         client.send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
         client.wait_for_close();
       },
       errc::proxy_failed},
      {"redirects", scripted::always("HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\n\r\n"),
       errc::proxy_failed},
      {"cannot reach the target", scripted::always("HTTP/1.1 503 Busy\r\n\r\n"), errc::connection_failed}};
  for (const auto& one : proxies) {
    const auto& [name, script, reason] = one;
    CAPTURE(one.name);
    const scripted::server proxy(script);
    hubcache::transport_options options;
    options.proxy.https = hubcache::url::parse(proxy.url()).value();
    options.proxy.https_credentials = hubcache::secret("user:hidden");
    auto make = test::with(options);
    test::session net(make);
    auto request = request_to("https://hub.test/x?signature=hidden");
    request.headers.add("Authorization", "Bearer hidden");
    request.timeout = milliseconds(100);
    const auto e = failed(net, request);
    CHECK(e.reason() == reason);
    const std::string told = e.what();
    CHECK_MESSAGE(told.find("the proxy 127.0.0.1:" + std::to_string(proxy.port())) != told.npos, told);
    CHECK_MESSAGE(told.find("hidden") == told.npos, told);
    for (const auto& sent : proxy.requests()) CHECK(sent.find("Bearer") == sent.npos);
  }
}

TEST_CASE("a 407 is the proxy's failure for http targets, too, and says what is wanting") {
  struct challenge {
    const char* field;
    const char* credentials;
    const char* advice;
  };
  const challenge challenges[] = {
      {"Proxy-Authenticate: Basic realm=\"x\"", "", "it wants credentials"},
      {"Proxy-Authenticate: basic realm=\"x\"", "user:hidden", "it wants other credentials"},
      {"Proxy-Authenticate: Negotiate", "user:hidden", "it does not offer Basic"}};
  for (const auto& [field, credentials, advice] : challenges) {
    const scripted::server proxy(scripted::always("HTTP/1.1 407 Authenticate\r\n" + std::string(field) +
                                                  "\r\nContent-Length: 0\r\n\r\n"));
    hubcache::transport_options options;
    options.proxy.http = options.proxy.https = hubcache::url::parse(proxy.url()).value();
    options.proxy.http_credentials = options.proxy.https_credentials = hubcache::secret(credentials);
    auto make = test::with(options);
    test::session net(make);
    for (const auto* target : {"http://hub.test/", "https://hub.test/"}) {
      const auto e = failed(net, request_to(target));
      CHECK(e.reason() == errc::proxy_failed);
      CHECK(e.context().http_status == 407);
      CHECK_MESSAGE(says(e, advice), e.detail());
      CHECK_FALSE(says(e, "hidden"));
    }
  }
}

TEST_CASE("a 407 of a server that is no proxy is its answer") {
  const scripted::server server(scripted::always("HTTP/1.1 407 Odd\r\nContent-Length: 0\r\n\r\n"));
  auto make = test::with({});
  test::session net(make);
  text_sink sink;
  CHECK(net.fetch(request_to(server.url()), sink).head.status == 407);
}

TEST_CASE("names in certificates count as RFC 9525 has it") {
  struct shown {
    const char* names;
    bool trusted;
  };
  const test::temp_folder folder;
  const shown cases[] = {{"DNS:hub.a.test", true},
                         {"DNS:*.a.test", true},
                         {"DNS:h*.a.test", false},
                         {"DNS:*.test", false},
                         {"DNS:a.test", false}};
  auto options = test::trusting(folder, test::authority());
  const auto outcome = [&](const scripted::certificate& certificate, const std::string& host) {
    const scripted::tls_identity identity(certificate);
    const scripted::server proxy([&](scripted::peer& client, std::size_t) {
      client.read_request();
      client.send("HTTP/1.1 200 Connection established\r\n\r\n");
      scripted::over_tls(identity, scripted::always(scripted::ok("")))(client, 0);
    });
    options.proxy.https = hubcache::url::parse(proxy.url()).value();
    auto make = test::with(options);
    test::session net(make);
    text_sink sink;
    return net.failure(request_to("https://" + host + "/"), sink);
  };
  for (const auto& one : cases) {
    const auto& [names, trusted] = one;
    CAPTURE(one.names);
    CHECK(outcome(test::signed_for(names), "hub.a.test") ==
          (trusted ? std::nullopt : std::optional(errc::tls_failed)));
  }
  CHECK(outcome(test::signed_for(""), "server") == errc::tls_failed);  // its common name alone
}

TEST_CASE("a name that DNS does not know is named, and nothing that is secret") {
  hubcache::transport_options options;
  auto make = test::with(options);
  test::session net(make);
  auto request = request_to("https://no-such-host.invalid/x?signature=hidden");
  request.headers.add("Authorization", "Bearer hidden");
  const auto e = failed(net, request);
  CHECK(e.reason() == errc::host_not_found);
  CHECK(says(e, "no-such-host.invalid"));
  CHECK(std::string(e.what()).find("hidden") == std::string::npos);
  options.proxy.https = hubcache::url::parse("http://no-such-proxy.invalid:3128").value();
  options.proxy.https_credentials = hubcache::secret("user:hidden");
  auto make_proxied = test::with(options);
  test::session proxied(make_proxied);
  const auto p = failed(proxied, request);
  CHECK(p.reason() == errc::proxy_failed);
  CHECK(says(p, "no address for the proxy no-such-proxy.invalid"));
  CHECK(std::string(p.what()).find("hidden") == std::string::npos);
}

}  // namespace
