// Caches with other policies than the default ones: minimal models, and those that are chosen at run time.
#include <hubcache/hash/any_hash_policy.hpp>
#include <hubcache/index/any_content_index.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/link/any_link_strategy.hpp>
#include <hubcache/transport/any_transport.hpp>

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <archetypes/hash.hpp>
#include <archetypes/index.hpp>
#include <archetypes/link.hpp>
#include <archetypes/transport.hpp>
#include <support/machine.hpp>
#include <support/memory_hub.hpp>

using hubcache::link_kind;
using hubcache::snapshot_options;
using test::machine;

namespace {

using minimal_cache =
    hubcache::basic_cache<minimal::transport, minimal::hashes, minimal::links, minimal::index>;
using any_cache = hubcache::basic_cache<hubcache::any_transport, hubcache::any_hash_policy,
                                        hubcache::any_link_strategy, hubcache::any_content_index>;

/// Whether it was linked, and that by one kind only.
bool is_linked_by(link_kind kind, const hubcache::snapshot& got) {
  using hubcache::file_action;
  return test::count(got, file_action::linked) > 0 && test::count(got, file_action::fetched) == 0 &&
         std::all_of(got.files.begin(), got.files.end(), [kind](const auto& file) {
           return file.action != file_action::linked || file.link == kind;
         });
}

/// A Hub with acme/tiny and a twin, and a machine.
struct scene {
  scene() {
    hub.put(embedded::tiny());
    hub.put(embedded::twin_of(embedded::tiny()));
  }

  embedded::hub hub;
  machine here{hub};
  embedded::file_map files = embedded::tiny().files();
};

}  // namespace

TEST_CASE("a cache of minimal policies, none of which can be moved, downloads one repo and links the next") {
  test::memory_hub hub;
  hub.put(embedded::tiny());
  hub.put(embedded::twin_of(embedded::tiny()));
  const test::temp_folder home;
  hubcache::settings config;
  config.endpoint = *hubcache::url::parse(test::memory_hub::endpoint);
  config.cache_dir = home / "hub";
  config.state_dir = home / "hubcache";
  config.fsync = hubcache::fsync_mode::none;

  minimal_cache cache(
      config, [](const auto&, const auto&) { return minimal::hashes(1000); },
      [&hub](const auto&, const auto&) {
        return minimal::transport([&hub](const auto& request) { return hub.answer_to(request); });
      });
  const auto files = embedded::tiny().files();
  CHECK(test::holds(cache.snapshot("acme/tiny"), files));
  const auto linked = cache.snapshot("other/twin");
  CHECK(test::holds(linked, files));
  CHECK(is_linked_by(link_kind::hard_link, linked));
  CHECK(cache.index().size() > 0);
}

TEST_CASE("a cache takes policies that are chosen at run time, in any order, and uses them") {
  scene s;
  hubcache::memory_index index;
  asio::io_context context(1);
  hubcache::workers pool(2);
  any_cache cache(
      context.get_executor(), pool, s.here.config, hubcache::any_content_index(hubcache::index_ref(index)),
      hubcache::any_hash_policy(hubcache::default_hashes()), hubcache::any_link_strategy(hubcache::copy()),
      hubcache::any_transport(hubcache::https_transport(context.get_executor())));
  auto first = cache.async_snapshot("acme/tiny", snapshot_options(), asio::use_future);
  context.run();
  CHECK(test::holds(first.get(), s.files));
  CHECK(index.size() > 0);

  context.restart();
  auto second = cache.async_snapshot("other/twin", snapshot_options(), asio::use_future);
  context.run();
  const auto linked = second.get();
  CHECK(test::holds(linked, s.files));
  CHECK(is_linked_by(link_kind::copy, linked));
}

TEST_CASE(
    "a policy that needs the cache's own thread is made by a function, and the others are made as ever") {
  scene s;
  asio::any_io_executor given;
  std::string endpoint;
  hubcache::cache cache(s.here.config,
                        [&](const asio::any_io_executor& executor, const hubcache::settings& config) {
                          given = executor;
                          endpoint = config.endpoint.redacted();
                          hubcache::transport_options options;
                          options.max_per_origin = 1;
                          return hubcache::https_transport(executor, options);
                        });
  CHECK(given == cache.executor());
  CHECK(endpoint == s.here.config.endpoint.redacted());
  CHECK(test::holds(cache.snapshot("acme/tiny"), s.files));
  CHECK(cache.index().size() > 0);
  CHECK(hubcache::mapped_index(s.here.config.state_dir + "/index").size() == cache.index().size());
}

TEST_CASE("two caches share one index by references to it") {
  scene s;
  machine other(s.hub);
  hubcache::memory_index index;
  using cache_type = hubcache::basic_cache<hubcache::https_transport, hubcache::default_hashes,
                                           hubcache::default_link, hubcache::index_ref>;
  cache_type first(s.here.config, hubcache::index_ref(index));
  cache_type second(other.config, hubcache::index_ref(index));
  first.snapshot("acme/tiny");
  const auto linked = second.snapshot("other/twin");
  CHECK(linked.totals.bytes_fetched == 0);
  CHECK(test::holds(linked, s.files));
}
