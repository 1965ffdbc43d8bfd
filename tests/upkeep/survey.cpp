#include <hubcache/upkeep/survey.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <support/hub_cache.hpp>
#include <support/temp_folder.hpp>
#include <system_error>

TEST_CASE("a survey shows what a cache holds, what that occupies, and what the ledger says of it") {
  const test::temp_folder home;
  const test::hub_cache hub(home / "hub");
  hub.add("acme/llm", test::commit_of('a'), {{"model.bin", std::string(10'000, 'm')}});
  hub.add("acme/other", test::commit_of('b'), {{"model.bin", std::string(5'000, 'o')}});
  hubcache::settings config;
  config.cache_dir = hub.path();
  config.state_dir = home / "state";
  const hubcache::ledger book(config.state_dir);
  std::error_code ec;
  book.add_pin(hubcache::pin(hub.path(), "model/acme/llm", ""), ec);
  REQUIRE(!ec);

  hubcache::workers pool(2);
  const auto got = hubcache::take_survey(config, pool);
  REQUIRE(got.seen.repos.size() == 2);
  CHECK(got.seen.repos[0].id == "acme/llm");
  const auto usage = usage_of(got.seen, got.map);
  REQUIRE(usage.size() == 2);
  CHECK(usage[0].apparent == 10'000);
  CHECK(got.book.pinned_repos == std::vector<bool>{true, false});
}
