#pragma once
/// @file
/// What a model of `transport` that speaks https must do besides the contract: whom it trusts, and when it does not
/// talk at all. Call it in a test case of your own:
///
///   test::transport_tls_conformance([](asio::any_io_executor executor, const std::string& ca_file) {
///     return my_transport(executor, ca_file);  // trusts the PEM file of roots at ca_file, and nobody else
///   });
///
/// Needs what conformance/transport.hpp needs, and OpenSSL, which makes the certificates.

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <string>
#include <utility>

#include "conformance/transport.hpp"
#include "support/temp_folder.hpp"
#include "transport/tls_server.hpp"

namespace test {

/// The authority that the models trust.
inline const scripted::certificate& authority() {
  static const scripted::certificate made("");
  return made;
}

inline scripted::certificate signed_for(const std::string& alt_names, long start = -60, long end = 3600) {
  return scripted::certificate(alt_names, &authority(), start, end);
}

inline std::string https_url(const scripted::server& server, const std::string& host = "127.0.0.1") {
  return "https://" + host + ":" + std::to_string(server.port()) + "/x?key=secret";
}

/// An address and a name that the certificate covers, by either version.
inline void trusts_whom_it_should(const transport_maker& make) {
  session net(make);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const scripted::tls_identity identity(signed_for("DNS:localhost,IP:127.0.0.1"), version);
    const scripted::server server(
        scripted::over_tls(identity, scripted::always(scripted::ok(pattern(200'000)))));
    for (const auto* host : {"127.0.0.1", "localhost"}) {
      text_sink sink;
      CHECK(net.fetch(request_to(https_url(server, host)), sink).head.status == 200);
      CHECK(sink.text == pattern(200'000));
    }
  }
}

inline void refuses_whom_it_should(const transport_maker& make) {
  session net(make);
  text_sink sink;
  const auto refused = [&](const scripted::server& server, const std::string& host = "127.0.0.1") {
    CHECK(net.failure(request_to(https_url(server, host)), sink) == errc::tls_failed);
    CHECK(server.requests().empty());  // the request, and a token in it, stayed here
  };

  SUBCASE("certificates of strangers, of other names, and out of their time") {
    const scripted::certificate stranger("");  // of the same name as the trusted one
    const scripted::certificate cases[] = {
        scripted::certificate("IP:127.0.0.1", &stranger), scripted::certificate("IP:127.0.0.1"),
        signed_for("IP:127.0.0.2,DNS:127.0.0.1"), signed_for("IP:127.0.0.1", -7200, -3600),
        signed_for("IP:127.0.0.1", 3600, 7200)};
    for (const auto& shown : cases) {
      const scripted::tls_identity identity(shown);
      refused(scripted::server(scripted::over_tls(identity, scripted::always(scripted::ok("secret")))));
    }
    const scripted::tls_identity other(signed_for("DNS:other.test,DNS:localhost.test"));
    refused(scripted::server(scripted::over_tls(other, scripted::always(scripted::ok("")))), "localhost");
  }
  SUBCASE("versions before TLS 1.2, and servers without TLS") {
    const scripted::tls_identity old(signed_for("IP:127.0.0.1"), TLS1_1_VERSION);
    refused(scripted::server(scripted::over_tls(old, scripted::always(scripted::ok("")))));
    refused(scripted::server([](scripted::peer& client, std::size_t) {
      client.send("HTTP/1.1 400 Bad Request\r\n\r\n");
      client.wait_for_close();
    }));
  }
}

/// @param make  called with an executor and the path of a PEM file, returns the model by value
template <class MakeTransport>
void transport_tls_conformance(MakeTransport make) {
  const temp_folder folder;
  const auto roots = folder.write("roots.pem", authority().pem());
  const auto maker =
      erased([make, roots](asio::any_io_executor executor) { return make(std::move(executor), roots); });
  trusts_whom_it_should(maker);
  refuses_whom_it_should(maker);
}

}  // namespace test
