#include <conformance/transport.hpp>
#include <conformance/transport_cache.hpp>

#include "own_transport.hpp"

namespace {

own_transport make_own_transport(asio::any_io_executor executor) {
  return own_transport(std::move(executor));
}

}  // namespace

TEST_CASE("own_transport keeps the contract of transport") {
  test::transport_conformance(make_own_transport, {.keeps_connections = false});
}

TEST_CASE("own_transport serves a cache") { test::transport_serves_a_cache(make_own_transport); }
