#pragma once
/// @file
/// What tests of https_transport share: certificates of an authority it trusts, and exchanges that must fail.

#include <hubcache/transport/https.hpp>

#include <asio/any_io_executor.hpp>

#include <string>
#include <string_view>

#include "support/temp_folder.hpp"
#include "transport/conformance.hpp"
#include "transport/tls_server.hpp"

namespace test {

inline const scripted::certificate& authority() {
  static const scripted::certificate made("");
  return made;
}

inline scripted::certificate signed_for(const std::string& alt_names, long start = -60, long end = 3600) {
  return scripted::certificate(alt_names, &authority(), start, end);
}

inline hubcache::transport_options trusting(const temp_folder& folder, const scripted::certificate& root) {
  hubcache::transport_options options;
  options.ca_file = folder.write("roots.pem", root.pem());
  return options;
}

inline auto with(hubcache::transport_options options) {
  return [options](asio::any_io_executor executor) { return hubcache::https_transport(executor, options); };
}

/// The error of an exchange that must fail.
template <class Make>
hubcache::error failed(session<Make>& net, const hubcache::http_request& request) {
  text_sink sink;
  try {
    net.fetch(request, sink);
  } catch (const hubcache::error& e) {
    return e;
  }
  return {errc::internal, "it did not fail"};
}

inline bool says(const hubcache::error& e, std::string_view text) {
  return e.detail().find(text) != std::string::npos;
}

inline std::string https_url(const scripted::server& server, const std::string& host = "127.0.0.1") {
  return "https://" + host + ":" + std::to_string(server.port()) + "/x?key=secret";
}

}  // namespace test
