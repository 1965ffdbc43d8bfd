#include <hubcache/transport/https.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "transport/https_exchange.hpp"

namespace {

using hubcache::errc;
using test::request_to;
using test::text_sink;

using test::authority;
using test::failed;
using test::https_url;
using test::says;
using test::signed_for;
using test::trusting;
using test::with;

TEST_CASE("https_transport keeps the contract of transport") {
  hubcache::transport_options options;
  options.rate_window = std::chrono::milliseconds(150);
  test::transport_conformance(with(options), {.rate_window = options.rate_window});
}

TEST_CASE("https_transport keeps what is asked of https") {
  test::transport_tls_conformance([](asio::any_io_executor executor, const std::string& ca_file) {
    hubcache::transport_options options;
    options.ca_file = ca_file;
    return hubcache::https_transport(executor, options);
  });
}

TEST_CASE("https_transport talks TLS to an address and a name that the certificate covers") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(signed_for("DNS:localhost,IP:127.0.0.1"));
  std::string names;
  const scripted::server server([&](scripted::peer& plain, std::size_t) {
    scripted::tls_peer client(plain, identity);
    names += "[" + client.server_name() + "]";
    while (client.read_request() && client.send(scripted::ok(test::pattern(200'000)))) {
    }
  });
  auto make = with(trusting(folder, authority()));
  test::session net(make);
  for (const auto* host : {"127.0.0.1", "127.0.0.1", "localhost"}) {
    text_sink sink;
    CHECK(net.fetch(request_to(https_url(server, host)), sink).head.status == 200);
    CHECK(sink.text == test::pattern(200'000));
  }
  CHECK(names == "[][localhost]");
  CHECK(server.connections() == 2);
}

TEST_CASE("https_transport refuses certificates it cannot trust, and says why") {
  const test::temp_folder folder;
  const scripted::certificate stranger("");  // of the same name as the trusted one
  struct bad {
    scripted::certificate shown;
    const char* reason;
  };
  const bad cases[] = {{scripted::certificate("IP:127.0.0.1", &stranger), "certificate signature failure"},
                       {scripted::certificate("IP:127.0.0.1"), "self-signed certificate"},
                       {signed_for("IP:127.0.0.2,DNS:127.0.0.1"), "IP address mismatch"},
                       {signed_for("IP:127.0.0.1", -7200, -3600), "certificate has expired"},
                       {signed_for("IP:127.0.0.1", 3600, 7200), "certificate is not yet valid"}};
  for (const auto& [shown, reason] : cases) {
    const scripted::tls_identity identity(shown);
    const scripted::server server(scripted::over_tls(identity, scripted::always(scripted::ok("secret"))));
    auto make = with(trusting(folder, authority()));
    test::session net(make);
    const auto e = failed(net, request_to(https_url(server)));
    CHECK(e.reason() == errc::tls_failed);
    CHECK_MESSAGE(says(e, reason), e.detail());
    CHECK(e.context().url == "https://127.0.0.1:" + std::to_string(server.port()) + "/x?...");
    CHECK(server.requests().empty());
  }
}

TEST_CASE("https_transport names the file of roots it cannot read, and needs none for http") {
  hubcache::transport_options options;
  options.ca_file = "/nonexistent/roots.pem";
  auto make = with(options);
  test::session net(make);
  const scripted::server server(scripted::always(scripted::ok("")));
  const auto e = failed(net, request_to(https_url(server)));
  CHECK(e.reason() == errc::tls_failed);
  CHECK(says(e, "/nonexistent/roots.pem"));
  text_sink sink;
  CHECK(net.fetch(request_to(server.url()), sink).head.status == 200);
}

TEST_CASE(
    "https_transport finds the system's roots in their folder, and in their bundle what the folder lacks") {
  const test::temp_folder folder;
  char name[16];
  std::snprintf(name, sizeof name, "%08lx.0", X509_subject_name_hash(authority().x509()));
  folder.write("full/" + std::string(name), authority().pem());
  folder.write("lacking/README", "");
  folder.write("outdated/" + std::string(name), scripted::certificate("", nullptr, -7200, -3600).pem());
  folder.write("bundle.pem", authority().pem());
  const scripted::tls_identity identity(signed_for("IP:127.0.0.1"));
  const scripted::server server(scripted::over_tls(identity, scripted::always(scripted::ok(""))));
  const auto reaches = [&](const char* dir, const char* file) {
    ::setenv("SSL_CERT_DIR", (folder / dir).c_str(), 1);
    ::setenv("SSL_CERT_FILE", (folder / file).c_str(), 1);
    auto make = with({});
    test::session net(make);
    text_sink sink;
    const auto failure = net.failure(request_to(https_url(server)), sink);
    ::unsetenv("SSL_CERT_DIR");
    ::unsetenv("SSL_CERT_FILE");
    CHECK(failure.value_or(errc::tls_failed) == errc::tls_failed);
    return !failure;
  };
  CHECK(reaches("full", "none.pem"));
  CHECK(reaches("lacking", "bundle.pem"));
  CHECK(reaches("outdated", "bundle.pem"));  // of the same name
  CHECK_FALSE(reaches("lacking", "none.pem"));
}

TEST_CASE("https_transport takes a TLS stream cut short for a lost connection") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(signed_for("IP:127.0.0.1"));
  const scripted::server server([&](scripted::peer& plain, std::size_t index) {
    scripted::tls_peer client(plain, identity);
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\n\r\nuntil close");
    if (index == 0) client.close_notify();
  });
  auto make = with(trusting(folder, authority()));
  test::session net(make);
  text_sink sink;
  CHECK(net.fetch(request_to(https_url(server)), sink).head.status == 200);
  CHECK(sink.text == "until close");
  CHECK(failed(net, request_to(https_url(server))).reason() == errc::connection_lost);
}

TEST_CASE("https_transport bounds the handshake, by time and by cancellation") {
  const scripted::server silent([](scripted::peer& client, std::size_t) { client.wait_for_close(); });
  auto make = with({});
  test::session net(make);
  auto request = request_to(https_url(silent));
  request.timeout = std::chrono::milliseconds(100);
  CHECK(failed(net, request).reason() == errc::timed_out);

  request.timeout = std::chrono::seconds(60);
  asio::cancellation_signal signal;
  asio::steady_timer later(net.context(), std::chrono::milliseconds(50));
  later.async_wait([&](const asio::error_code&) { signal.emit(asio::cancellation_type::terminal); });
  text_sink sink;
  const auto& result = net.start(request, sink, signal.slot());
  net.run();
  CHECK(test::is_cancelled(result.failure));
  CHECK(silent.all_closed());
}

TEST_CASE("https_transport fails a body that arrives slower than the minimum rate") {
  const scripted::server server([](scripted::peer& client, std::size_t) {
    client.read_request();
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    do std::this_thread::sleep_for(std::chrono::milliseconds(20));
    while (client.send("x"));
  });
  hubcache::transport_options options;
  options.rate_window = std::chrono::milliseconds(150);
  auto make = with(options);
  test::session net(make);
  auto request = request_to(server.url());
  request.minimum_rate = 1000;
  const auto e = failed(net, request);
  CHECK(e.reason() == errc::timed_out);
  CHECK(says(e, "bytes/s"));
}

TEST_CASE("https_transport keeps idle connections no longer and no more than it is told") {
  const scripted::server server(scripted::always(scripted::ok("")));
  hubcache::transport_options none;
  none.max_idle_per_origin = 0;
  hubcache::transport_options brief;
  brief.idle_expiry = std::chrono::seconds(-1);
  for (const auto& options : {none, brief}) {
    auto make = with(options);
    test::session net(make);
    const auto before = server.connections();
    text_sink sink;
    for (int times = 0; times < 2; ++times) net.fetch(request_to(server.url()), sink);
    CHECK(server.connections() == before + 2);
  }
}

TEST_CASE("https_transport reaches an https origin through a proxy's tunnel") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(signed_for("DNS:hub.test"));
  const scripted::server proxy([&](scripted::peer& client, std::size_t) {
    client.read_request();
    client.send("HTTP/1.1 200 Connection established\r\nContent-Length: 99\r\n\r\n");
    scripted::over_tls(identity, scripted::always(scripted::ok("tunnelled")))(client, 0);
  });
  auto options = trusting(folder, authority());
  options.proxy.https = hubcache::url::parse(proxy.url()).value();
  options.proxy.https_credentials = hubcache::secret("user:pass");
  auto make = with(options);
  test::session net(make);
  for (int times = 0; times < 2; ++times) {
    text_sink sink;
    net.fetch(request_to("https://hub.test/x"), sink);
    CHECK(sink.text == "tunnelled");
  }
  CHECK(proxy.connections() == 1);
  REQUIRE(proxy.requests().size() == 3);
  CHECK(proxy.requests()[0] ==
        "CONNECT hub.test:443 HTTP/1.1\r\nHost: hub.test:443\r\nProxy-Authorization: Basic "
        "dXNlcjpwYXNz\r\n\r\n");
  CHECK(proxy.requests()[1].starts_with("GET /x HTTP/1.1\r\nHost: hub.test\r\n"));
  CHECK(proxy.requests()[1].find("Proxy-Authorization") == std::string::npos);
}

TEST_CASE("https_transport asks a proxy for http targets in absolute form, and shares its connections") {
  const scripted::server proxy(scripted::always(scripted::ok("from the proxy")));
  hubcache::transport_options options;
  options.proxy.http = hubcache::url::parse(proxy.url()).value();
  options.proxy.http_credentials = hubcache::secret("user:pass");
  options.proxy.no_proxy = "direct.invalid";
  auto make = with(options);
  test::session net(make);
  for (const auto* origin : {"http://one.test", "http://two.test"}) {
    text_sink sink;
    net.fetch(request_to(std::string(origin) + "/x"), sink);
    CHECK(sink.text == "from the proxy");
  }
  CHECK(proxy.connections() == 1);
  CHECK(proxy.requests().at(1).starts_with("GET http://two.test/x HTTP/1.1\r\nHost: two.test\r\n"));
  CHECK(proxy.requests().at(1).find("\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n") != std::string::npos);
  CHECK(failed(net, request_to("http://direct.invalid/")).reason() == errc::host_not_found);
}

TEST_CASE("https_transport reports what a proxy answers instead of a tunnel") {
  hubcache::transport_options options;
  {
    const scripted::server proxy(
        scripted::answering({"HTTP/1.1 407 Authenticate\r\nContent-Length: 0\r\n\r\n"}));
    options.proxy.https = hubcache::url::parse(proxy.url()).value();
    auto make = with(options);
    test::session net(make);
    const auto e = failed(net, request_to("https://hub.test/"));
    CHECK(e.reason() == errc::proxy_failed);
    CHECK(e.context().http_status == 407);
    CHECK(says(e, "answered 407 to CONNECT hub.test:443"));
  }
  const auto port = std::to_string(scripted::unused_port());
  options.proxy.https = hubcache::url::parse("http://127.0.0.1:" + port).value();
  auto make = with(options);
  test::session net(make);
  const auto e = failed(net, request_to("https://hub.test/"));
  CHECK(e.reason() == errc::proxy_failed);
  CHECK(says(e, "nobody listens on the proxy 127.0.0.1:" + port));
  options.proxy.https = hubcache::url::parse("http://proxy.invalid:3128").value();
  auto make_lost = with(options);
  test::session lost(make_lost);
  CHECK(failed(lost, request_to("https://hub.test/")).reason() == errc::proxy_failed);
}

TEST_CASE("https_transport resumes the TLS session of an earlier connection to the same origin") {
  const test::temp_folder folder;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const scripted::tls_identity identity(signed_for("DNS:localhost,IP:127.0.0.1"), version);
    std::string resumed;
    const scripted::server server([&](scripted::peer& plain, std::size_t) {
      scripted::tls_peer client(plain, identity);
      resumed += client.resumed() ? 'y' : 'n';
      client.read_request();
      client.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
      client.wait_for_close();
    });
    auto make = with(trusting(folder, authority()));
    test::session net(make);
    for (const auto* host : {"127.0.0.1", "127.0.0.1", "localhost", "127.0.0.1", "localhost"}) {
      text_sink sink;
      CHECK(net.fetch(request_to(https_url(server, host)), sink).head.status == 200);
      CHECK(sink.text == "ok");
    }
    CHECK(resumed == "nynyy");
  }
}

TEST_CASE("https_transport resumes no session of a server that it did not trust") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(scripted::certificate("IP:127.0.0.1"));
  const scripted::server server(scripted::over_tls(identity, scripted::always(scripted::ok("secret"))));
  auto make = with(trusting(folder, authority()));
  test::session net(make);
  for (int times = 0; times < 2; ++times)
    CHECK(failed(net, request_to(https_url(server))).reason() == errc::tls_failed);
  CHECK(server.requests().empty());
}

TEST_CASE("https_transport brings large bodies over TLS exactly, whatever the sink's room") {
  const test::temp_folder folder;
  const auto body = test::pattern(3'000'000);
  const scripted::tls_identity identity(signed_for("IP:127.0.0.1"));
  const scripted::server server(scripted::over_tls(identity, scripted::always(scripted::ok(body))));
  auto make = with(trusting(folder, authority()));
  test::session net(make);
  for (const std::size_t room : {4099U, 16'385U, 1'500'001U, 4'000'000U}) {
    text_sink sink(test::verdict::take, room);
    CHECK(net.fetch(request_to(https_url(server)), sink).body_bytes == body.size());
    CHECK(sink.text == body);
  }
  CHECK(server.connections() == 1);
}

volatile std::sig_atomic_t broken_pipes = 0;

TEST_CASE("https_transport raises no signal when it writes to a peer that is gone") {
  const test::temp_folder folder;
  const scripted::tls_identity identity(signed_for("IP:127.0.0.1"));
  const auto leave = [](scripted::peer& client) {
    ::shutdown(client.socket(), SHUT_WR);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // then a reset, as bytes lie there unread
  };
  const scripted::server plain([&](scripted::peer& client, std::size_t) { leave(client); });
  const scripted::server secure([&](scripted::peer& client, std::size_t) {
    const scripted::tls_peer shaken(client, identity);
    leave(client);
  });
  auto make = with(trusting(folder, authority()));
  test::session net(make);
  auto* const before = std::signal(SIGPIPE, [](int) { broken_pipes = broken_pipes + 1; });
  for (const auto& target : {plain.url(), https_url(secure)}) {
    auto request = request_to(target, "POST");
    request.body = test::pattern(20'000'000);
    CHECK(failed(net, request).reason() == errc::connection_lost);
  }
  std::signal(SIGPIPE, before);
  CHECK(broken_pipes == 0);
}

TEST_CASE("https_transport does not take what a server sent unasked for an answer") {
  const scripted::server server([](scripted::peer& client, std::size_t index) {
    client.read_request();
    client.send(scripted::ok("first"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (index == 0) client.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    client.wait_for_close();
  });
  auto make = with({});
  test::session net(make);
  for (int times = 0; times < 2; ++times) {
    text_sink sink;
    CHECK(net.fetch(request_to(server.url()), sink).head.status == 200);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(server.connections() == 2);
}

TEST_CASE("https_transport opens no more connections to an origin than it may, and serves in order") {
  for (const std::size_t most : {1U, 3U}) {
    const scripted::server server(scripted::always(scripted::ok(test::pattern(100'000))));
    hubcache::transport_options options;
    options.max_per_origin = most;
    auto make = with(options);
    test::session net(make);
    std::deque<hubcache::http_request> requests;
    std::deque<text_sink> sinks;
    for (int k = 0; k < 12; ++k)
      net.start(requests.emplace_back(request_to(server.url("/" + std::to_string(k)))),
                sinks.emplace_back(test::verdict::take, std::size_t{5000}));
    net.run();
    for (const auto& sink : sinks) CHECK(sink.text == test::pattern(100'000));
    CHECK(server.connections() == most);
    const auto served = server.requests();
    REQUIRE(served.size() == requests.size());
    for (std::size_t k = 0; most == 1 && k < served.size(); ++k)
      CHECK(served[k].starts_with("GET /" + std::to_string(k) + " "));
  }
}

TEST_CASE("https_transport waits for a connection beyond the timeout, until it is cancelled") {
  hubcache::transport_options options;
  options.max_per_origin = 1;
  test::waits_its_turn(with(options));
}

TEST_CASE("https_transport judges the minimum rate from the head on, and takes any timeout") {
  const scripted::server server([](scripted::peer& client, std::size_t) {
    client.read_request();
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    client.send(scripted::ok("slow to begin"));
    client.wait_for_close();
  });
  hubcache::transport_options options;
  options.rate_window = std::chrono::milliseconds(50);
  auto make = with(options);
  test::session net(make);
  auto request = request_to(server.url());
  request.minimum_rate = 1'000'000;
  request.timeout = std::chrono::milliseconds::max();
  text_sink sink;
  net.fetch(request, sink);
  CHECK(sink.text == "slow to begin");
}

TEST_CASE("https_transport leaves nothing behind when exchanges that wait go with their context") {
  const scripted::server server([](scripted::peer& client, std::size_t) { client.wait_for_close(); });
  hubcache::transport_options options;
  options.max_per_origin = 1;
  auto make = with(options);
  const auto request = request_to(server.url());
  text_sink sink;
  {
    test::session net(make);
    for (int times = 0; times < 3; ++times) net.start(request, sink);
    net.context().run_for(std::chrono::milliseconds(30));
  }
  CHECK(server.all_closed());
}

TEST_CASE("https_transport times each exchange out by its own time") {
  const scripted::server silent([](scripted::peer& client, std::size_t) { client.wait_for_close(); });
  auto make = with({});
  test::session net(make);
  text_sink sink;
  auto patient = request_to(silent.url());
  patient.timeout = std::chrono::minutes(5);
  auto brief = request_to(silent.url());
  brief.timeout = std::chrono::milliseconds(50);
  asio::cancellation_signal signal;
  const auto& long_one = net.start(patient, sink, signal.slot());
  const auto& short_one = net.start(brief, sink);
  asio::steady_timer later(net.context(), std::chrono::milliseconds(200));
  bool in_time = false;
  later.async_wait([&](const asio::error_code&) {
    in_time = short_one.completed;
    signal.emit(asio::cancellation_type::terminal);
  });
  net.run();
  CHECK(in_time);
  CHECK(test::is_cancelled(long_one.failure));
}

}  // namespace
