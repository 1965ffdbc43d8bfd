#pragma once
/// @file
/// A whole cache over a model of `transport`, from the embedded Hub. Call it in a test case of your own:
///
///   test::transport_serves_a_cache([](asio::any_io_executor executor) { return my_transport(executor); });
///
/// Needs what conformance/transport.hpp needs, and the embedded Hub, which is part of hubcache::conformance.
/// cache_over is for other tests of caches whose transport is made by the test.

#include <hubcache/cache.hpp>
#include <hubcache/transport/any_transport.hpp>
#include <hubcache/work/workers.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <utility>

#include "conformance/transport.hpp"
#include "support/hub/fixtures.hpp"
#include "support/hub/server.hpp"
#include "support/machine.hpp"

namespace test {

using any_transport_cache = hubcache::basic_cache<hubcache::any_transport, hubcache::default_hashes,
                                                  hubcache::default_link, hubcache::mapped_index>;

/// A cache with its own context, on a thread of its own, over a transport made for that context.
class cache_over {
 public:
  cache_over(const hubcache::settings& config, const transport_maker& make)
      : cache_(context_.get_executor(), pool_, config, make(asio::any_io_executor(context_.get_executor()))),
        network_([this] { context_.run(); }) {}
  cache_over(const cache_over&) = delete;
  cache_over& operator=(const cache_over&) = delete;
  ~cache_over() {
    idle_.reset();
    context_.stop();
    network_.join();
  }

  any_transport_cache& operator*() noexcept { return cache_; }
  any_transport_cache* operator->() noexcept { return &cache_; }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> idle_{context_.get_executor()};
  hubcache::workers pool_;
  any_transport_cache cache_;
  std::thread network_;
};

/// @param make  called with an executor, returns the model by value
template <class MakeTransport>
void transport_serves_a_cache(MakeTransport make) {
  embedded::hub hub;
  embedded::repo_model repo("acme/model");
  embedded::file_map files;
  files["config.json"] = embedded::regular("{}");
  files["empty.txt"] = embedded::regular("");
  files["weights.bin"] = embedded::lfs(embedded::file_content::generated(1, 30'000'000));
  repo.commit(files);
  hub.put(repo);
  machine here(hub);
  const auto maker = erased(std::move(make));

  SUBCASE("everything arrives, though the connection is lost in the middle of a file") {
    hub.inject(embedded::fault(embedded::drop_after_body(100'000, true)));
    cache_over cache(here.config, maker);
    CHECK(holds(cache->snapshot("acme/model"), files));
  }
  SUBCASE("other bytes than the Hub's are noticed and fetched again") {
    hub.inject(embedded::fault(embedded::other_bytes()));
    cache_over cache(here.config, maker);
    CHECK(holds(cache->snapshot("acme/model"), files));
  }
  SUBCASE("what the Hub refuses is its error, with the repo's name") {
    cache_over cache(here.config, maker);
    try {
      cache->snapshot("acme/hidden");
      FAIL("it did not fail");
    } catch (const hubcache::error& failure) {
      CHECK(failure.reason() == hubcache::errc::unauthorized);
      CHECK(failure.context().repo == "acme/hidden");
    }
  }
}

}  // namespace test
