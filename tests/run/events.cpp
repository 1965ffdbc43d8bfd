#include <hubcache/event.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <support/machine.hpp>
#include <vector>

using embedded::fault;
using test::machine;

namespace {

/// Two small files and one that comes in several exchanges.
embedded::repo_model mixed() {
  embedded::file_map files;
  files["a.json"] = embedded::regular("some text");
  files["b.json"] = embedded::regular("other text");
  files["weights"] = embedded::lfs(embedded::file_content::generated(1, 3'000'000));
  embedded::repo_model repo("acme/mixed");
  repo.commit(std::move(files));
  return repo;
}

/// What a progress bar shows at the end, reckoned as event.hpp says.
std::uint64_t bytes_told(const test::event_log& news) {
  std::uint64_t here = 0;
  for (const auto& one : news.all<hubcache::events::started>()) here += one.resumed;
  for (const auto& one : news.all<hubcache::events::advanced>()) here += one.bytes;
  for (const auto& one : news.all<hubcache::events::retried>()) here -= one.lost;
  return here;
}

}  // namespace

TEST_CASE("the bytes that events tell add up to those of the plan, whatever happens on the way") {
  const std::vector<fault> faults{fault(embedded::drop_after_body(500'000)).on("weights"),
                                  fault(embedded::flip_byte(700'000)).on("weights"),
                                  fault(embedded::flip_byte(3)).on("a.json"),
                                  fault(embedded::drop_after_body(2)).on("b.json")};
  for (const auto& one : faults) {
    embedded::hub hub;
    hub.put(mixed());
    machine here(hub);
    const auto struck = hub.inject(one);
    const auto got = here.snapshot("acme/mixed");
    CHECK(struck.fired() == 1);
    CHECK(here.news.all<hubcache::events::retried>().size() >= 1);
    const auto plans = here.news.all<hubcache::events::planned>();
    REQUIRE(plans.size() == 1);
    CHECK(plans.front().bytes_to_fetch == got.totals.bytes_fetched);
    CHECK(bytes_told(here.news) == got.totals.bytes_fetched);
  }
}

TEST_CASE("bytes that an earlier run left are told when their transfer starts") {
  embedded::hub hub;
  hub.put(mixed());
  machine here(hub);
  here.config.attempts = 1;
  hub.inject(fault(embedded::drop_after_body(1'000'000)).on("weights").repeated(fault::always));
  REQUIRE(here.failure("acme/mixed"));
  hub.clear_faults();
  const auto got = here.snapshot("acme/mixed");
  REQUIRE(here.news.all<hubcache::events::started>().size() == 1);
  CHECK(here.news.all<hubcache::events::started>().front().resumed > 0);
  CHECK(bytes_told(here.news) == 3'000'000);
  CHECK(here.news.all<hubcache::events::planned>().front().bytes_to_fetch == 3'000'000);
}

TEST_CASE("the plan is told first, then what becomes of each content") {
  embedded::hub hub;
  hub.put(mixed());
  machine here(hub);
  here.snapshot("acme/mixed");
  REQUIRE(!here.news.seen.empty());
  CHECK(std::holds_alternative<hubcache::events::planned>(here.news.seen.front()));
  std::vector<std::string> begun;
  for (const auto& news : here.news.seen) {
    if (const auto* one = std::get_if<hubcache::events::started>(&news)) begun.push_back(one->file);
    if (const auto* one = std::get_if<hubcache::events::fetched>(&news))
      CHECK(std::erase(begun, one->file) == 1);
  }
  CHECK(begun.empty());
}
