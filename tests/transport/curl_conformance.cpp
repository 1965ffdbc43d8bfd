#if __has_include(<curl_transport.hpp>)  // the plugin is built where libcurl is
#include <curl_transport.hpp>

#include "transport/conformance.hpp"

TEST_CASE("the libcurl plugin keeps the contract of transport") {
  test::transport_conformance(
      [](asio::any_io_executor executor) { return plugins::curl_transport(executor); });
}

#endif
