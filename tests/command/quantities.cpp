#include "quantities.hpp"

#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <string>

using command::parse_bytes;
using command::parse_duration;
using command::parse_exact_duration;

TEST_CASE("sizes have units of base 1000 and base 1024, in any case") {
  CHECK(parse_bytes("0") == 0);
  CHECK(parse_bytes("17") == 17);
  CHECK(parse_bytes("17b") == 17);
  CHECK(parse_bytes("200GB") == 200'000'000'000);
  CHECK(parse_bytes("5k") == 5'000);
  CHECK(parse_bytes("3m") == 3'000'000);
  CHECK(parse_bytes("2Tb") == 2'000'000'000'000);
  CHECK(parse_bytes("1KiB") == 1024);
  CHECK(parse_bytes("1gi") == 1'073'741'824);
  CHECK(parse_bytes("2TiB") == 2'199'023'255'552);
  CHECK(parse_bytes("18446744073709551615") == 18'446'744'073'709'551'615ULL);
}

TEST_CASE("durations have the units of hf's filters") {
  using std::chrono::hours;
  CHECK(parse_duration("90") == std::chrono::seconds(90));
  CHECK(parse_duration("0s") == std::chrono::seconds(0));
  CHECK(parse_duration("5m") == std::chrono::minutes(5));
  CHECK(parse_duration("12h") == hours(12));
  CHECK(parse_duration("2d") == hours(48));
  CHECK(parse_duration("1w") == hours(168));
  CHECK(parse_duration("1mo") == hours(720));
  CHECK(parse_duration("100y") == hours(100 * 8760));
}

TEST_CASE("what decides about a removal names its unit, in lower case") {
  CHECK(parse_exact_duration("0") == std::chrono::seconds(0));
  CHECK(parse_exact_duration("90d") == std::chrono::hours(90 * 24));
  CHECK(parse_exact_duration("6m") == std::chrono::minutes(6));
  CHECK(parse_exact_duration("6mo") == std::chrono::hours(180 * 24));
  for (const auto* text : {"", "90", "00", "6M", "6Mo", "6MO", "90D", "d", "-1d", "1.5d", "101y", "6mm"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_exact_duration(text)), hubcache::error);
  }
}

TEST_CASE("what is no size or duration, or does not fit, is refused") {
  for (const auto* text : {"", "GB", "-1", "1.5G", "1 G", "1GBB", "1x", "18446744073709551616",
                           "18446744073709551615k", "16384pi1", "\x1b[31m"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_bytes(text)), hubcache::error);
  }
  for (const auto* text : {"", "d", "-1d", "1.5d", "1 d", "101y", "18446744073709551615w"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_duration(text)), hubcache::error);
  }
}
