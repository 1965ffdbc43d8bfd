#include <hubcache/transport/any_transport.hpp>
#include <hubcache/transport/memory_transport.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <string>
#include <utility>

// That it keeps the contract of transport around any model, the conformance tests show: they reach all models by it.

namespace {

using hubcache::any_transport;

hubcache::memory_transport saying(const std::string& text) {
  return hubcache::memory_transport([text](const hubcache::http_request&) {
    hubcache::http_response response;
    response.head.status = 200;
    response.body = text;
    return response;
  });
}

/// A model that cannot be moved, and counts how many there are.
class pinned {
 public:
  pinned(std::string text, int& count) : model_(saying(text)), count_(count) { ++count_; }
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;
  ~pinned() { --count_; }
  asio::awaitable<hubcache::http_response> exchange(const hubcache::http_request& request,
                                                    hubcache::body_sink& sink) {
    return model_.exchange(request, sink);
  }

 private:
  hubcache::memory_transport model_;
  int& count_;
};

std::string answer_of(any_transport& network) {
  asio::io_context io;
  hubcache::http_request request;
  request.target = hubcache::url::parse("http://hub.test/").value();
  hubcache::keep_sink sink;
  std::string body;
  auto store = [&](std::exception_ptr, hubcache::http_response response) { body = response.body; };
  asio::co_spawn(io, network.exchange(request, sink), store);
  io.run();
  return body;
}

}  // namespace

TEST_CASE("any_transport is moved with its model, and takes another one") {
  any_transport first(saying("first"));
  any_transport second(std::move(first));
  CHECK(answer_of(second) == "first");
  first = any_transport(saying("another"));
  std::swap(first, second);
  CHECK(answer_of(first) == "first");
  CHECK(answer_of(second) == "another");
}

TEST_CASE("any_transport makes a model that cannot be moved in its place, and destroys it") {
  int count = 0;
  {
    any_transport network(std::in_place_type<pinned>, "stays", count);
    any_transport moved(std::move(network));
    CHECK(count == 1);
    CHECK(answer_of(moved) == "stays");
  }
  CHECK(count == 0);
}
