#include <hubcache/source/hub_source.hpp>
#include <hubcache/transport/memory_transport.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <string>
#include <variant>

TEST_CASE("all who wait for one rate limit are told of it once, and none asks meanwhile") {
  asio::io_context context{1};
  hubcache::memory_transport network([](const hubcache::http_request&) {
    hubcache::http_response answer;
    answer.head.status = 200;
    answer.head.headers.add("RateLimit", "\"api\";r=0;t=600");
    answer.body = R"({"id":"acme/one","sha":"0123456789012345678901234567890123456789"})";
    return answer;
  });
  const hubcache::settings config;
  const hubcache::repo which("acme/one");
  const std::string revision = "main";
  int warnings = 0;
  auto observer = [&](const hubcache::event& e) {
    warnings += std::holds_alternative<hubcache::events::warning>(e) ? 1 : 0;
  };
  hubcache::hub_source hub(config, network, observer);
  asio::co_spawn(context, hub.info(which, revision), asio::detached);
  context.run();
  context.restart();
  for (int i = 0; i < 20; ++i) asio::co_spawn(context, hub.info(which, revision), asio::detached);
  context.poll();
  CHECK(warnings == 1);
  CHECK(network.requests().size() == 1);
}
