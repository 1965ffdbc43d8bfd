#include <hubcache/plan/snapshot.hpp>

#include <doctest/doctest.h>

#include <limits>

using hubcache::file_action;
using hubcache::format_bytes;
using hubcache::snapshot_totals;

TEST_CASE("Bytes are printed as hf prints them") {
  CHECK(format_bytes(0) == "0.0");
  CHECK(format_bytes(999) == "999.0");
  CHECK(format_bytes(1000) == "1.0K");
  CHECK(format_bytes(116'300) == "116.3K");
  CHECK(format_bytes(999'949) == "999.9K");
  CHECK(format_bytes(5'600'000'000) == "5.6G");
  CHECK(format_bytes(std::numeric_limits<std::uint64_t>::max()) == "18.4E");
}

TEST_CASE("Totals are one line") {
  snapshot_totals totals;
  totals.bytes_total = 300'000'000;
  totals.bytes_linked = 200'000'000;
  totals.bytes_fetched = 100'000'000;
  totals.seconds = 1.204;
  totals.requests = 14;
  CHECK(to_string(totals) ==
        "300.0M in all: 0.0 present, 200.0M linked, 100.0M fetched in 1.20 s (14 requests)");
  totals.requests = 1;
  CHECK(to_string(totals).ends_with("(1 request)"));
}

TEST_CASE("Actions have the names of machine-readable output") {
  CHECK(to_string(file_action::present) == "present");
  CHECK(to_string(file_action::linked) == "linked");
  CHECK(to_string(file_action::fetched) == "fetched");
}

TEST_CASE("A file's path lies below the snapshot's") {
  hubcache::snapshot result;
  result.path = "/hub/models--a--b/snapshots/c";
  CHECK(result.path_of("unet/config.json") == "/hub/models--a--b/snapshots/c/unet/config.json");
}

TEST_CASE("A file of a snapshot is found by its path") {
  hubcache::snapshot result;
  for (const auto* path : {"a", "b/c", "b/d"}) result.files.emplace_back().path = path;
  REQUIRE(result.find("b/c"));
  CHECK(result.find("b/c") == &result.files[1]);
  CHECK(result.find("b") == nullptr);
  CHECK(result.find("z") == nullptr);
}
