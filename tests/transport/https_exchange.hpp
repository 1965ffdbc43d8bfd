#pragma once
/// @file
/// What tests of https_transport share: certificates of an authority it trusts, and exchanges that must fail.

#include <hubcache/transport/https.hpp>

#include <asio/any_io_executor.hpp>

#include <string>
#include <string_view>

#include "conformance/transport.hpp"
#include "conformance/transport_tls.hpp"
#include "support/temp_folder.hpp"

namespace test {

inline hubcache::transport_options trusting(const temp_folder& folder, const scripted::certificate& root) {
  hubcache::transport_options options;
  options.ca_file = folder.write("roots.pem", root.pem());
  return options;
}

inline auto with(hubcache::transport_options options) {
  return [options](asio::any_io_executor executor) { return hubcache::https_transport(executor, options); };
}

/// The error of an exchange that must fail.
inline hubcache::error failed(session& net, const hubcache::http_request& request) {
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

}  // namespace test
