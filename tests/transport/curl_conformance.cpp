#if __has_include(<curl_transport.hpp>)  // the plugin is built where libcurl is
#include <curl_transport.hpp>

#include "transport/conformance.hpp"

TEST_CASE("the libcurl plugin keeps the contract of transport") {
  test::transport_conformance(
      [](asio::any_io_executor executor) { return plugins::curl_transport(executor); });
}

TEST_CASE("the libcurl plugin waits for a connection beyond the timeout, until it is cancelled") {
  test::waits_its_turn([](asio::any_io_executor executor) {
    hubcache::transport_options options;
    options.max_per_origin = 1;
    return plugins::curl_transport(executor, options);
  });
}

TEST_CASE("the libcurl plugin takes any timeout") {
  const scripted::server server(scripted::always(scripted::ok("some")));
  const auto make = [](asio::any_io_executor executor) { return plugins::curl_transport(executor); };
  test::session net(make);
  auto request = test::request_to(server.url());
  request.timeout = std::chrono::milliseconds::max();
  test::text_sink sink;
  CHECK_FALSE(net.failure(request, sink));
}

#endif
