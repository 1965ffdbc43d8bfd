#include <hubcache/store/byte_ranges.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using hubcache::byte_range;
using hubcache::byte_ranges;

TEST_CASE("Any ranges, added in any order, are the same bytes as in a table of bits") {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<bool> bits(100);
    byte_ranges set;
    for (int k = 0; k < 12; ++k) {
      const auto begin = random() % 100, end = begin + random() % (101 - begin);
      set.add({begin, end});
      for (auto at = begin; at < end; ++at) bits[at] = true;
      std::uint64_t total = 0;
      for (const auto& one : set.all()) {
        total += one.size();
        CHECK(one.size() > 0);
        for (auto at = one.begin; at < one.end; ++at) CHECK(bits[at]);
        CHECK((one.begin == 0 || !bits[one.begin - 1]));
        CHECK((one.end == 100 || !bits[one.end]));
      }
      CHECK(total == static_cast<std::uint64_t>(std::count(bits.begin(), bits.end(), true)));
      CHECK(set.total() == total);
      CHECK(set.missing(100).total() == 100 - total);
      auto whole = set.missing(100);
      for (const auto& one : set.all()) whole.add(one);
      CHECK(whole.frontier() == 100);
    }
  }
}

TEST_CASE("The first bytes are taken out, never across a gap") {
  byte_ranges set;
  set.add({10, 20});
  set.add({30, 40});
  CHECK(set.take_first(4) == byte_range(10, 14));
  CHECK(set.take_first(100) == byte_range(14, 20));
  CHECK(set.take_first(100) == byte_range(30, 40));
  CHECK(set.empty());
}

TEST_CASE("The frontier is where the first byte is missing") {
  byte_ranges set;
  CHECK(set.frontier() == 0);
  set.add({5, 9});
  CHECK(set.frontier() == 0);
  set.add({0, 5});
  CHECK(set.frontier() == 9);
}
