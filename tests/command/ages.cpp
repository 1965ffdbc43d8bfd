#include "ages.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

TEST_CASE("ages read as hf writes them, at every edge between two units") {
  constexpr std::int64_t hour = 3600, day = 24 * hour;
  const std::map<std::int64_t, std::string> expected{
      {-5, "a few seconds ago"},    {0, "a few seconds ago"},        {19, "a few seconds ago"},
      {20, "20 seconds ago"},       {60, "60 seconds ago"},          {61, "1 minute ago"},
      {150, "2 minutes ago"},  // halves go to the even, as in Python
      {60 * 60, "60 minutes ago"},  {hour + 60, "1 hour ago"},       {24 * hour, "24 hours ago"},
      {25 * hour, "1 day ago"},     {6 * day, "6 days ago"},         {7 * day, "1 week ago"},
      {6 * 7 * day, "6 weeks ago"}, {50 * day, "2 months ago"},      {11 * 30 * day, "11 months ago"},
      {365 * day, "1 year ago"},    {20 * 365 * day, "20 years ago"}};
  for (const auto& one : expected) {
    const auto& [seconds, text] = one;
    CAPTURE(one.first);
    constexpr std::int64_t now = 1'800'000'000'000'000'000;
    CHECK(command::age_of(now - seconds * 1'000'000'000, now) == text);
  }
}

TEST_CASE("any times make an age") {
  CHECK(command::age_of(INT64_MIN, INT64_MAX).ends_with(" years ago"));
  CHECK(command::age_of(INT64_MAX, INT64_MIN) == "a few seconds ago");
}
