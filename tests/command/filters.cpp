#include "filters.hpp"

#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t now = 1'800'000'000 * second;

command::cache_row row_of(std::uint64_t size, std::int64_t age_in_seconds = 0) {
  command::cache_row row;
  row.size = size;
  row.type = "model";
  row.accessed_ns = row.modified_ns = now - age_in_seconds * second;
  row.refs = {"main", "refs/pr/1"};
  return row;
}

bool fits(const std::string& filter, const command::cache_row& row) {
  CAPTURE(filter);
  return command::parse_filter(filter, now)(row);
}

}  // namespace

TEST_CASE("sizes are compared by every operator") {
  const auto row = row_of(1'000'000);
  for (const auto* const yes : {"size=1M", "size>=1m", "size<=1MB", "size>999k", "size<2mb", "size!=5",
                                "size = 1000000", " SIZE  >  1 ", "size<1G", "size<1tb", "size<1P"}) {
    CHECK(fits(yes, row));
  }
  for (const auto* const no : {"size>1M", "size<1M", "size!=1M", "size=1", "size>=2M", "size<=999kb"}) {
    CHECK(!fits(no, row));
  }
}

TEST_CASE("ages are compared: more than 30d is longer ago") {
  const auto row = row_of(1, 10 * 86'400);
  for (const auto* const yes :
       {"accessed>9d", "accessed<11d", "modified>1w", "modified<2w", "accessed<1mo", "modified<1y",
        "accessed>24h", "accessed>600m", "accessed=10d", "modified>5"}) {
    CHECK(fits(yes, row));
  }
  for (const auto* const no : {"accessed<9d", "modified>1mo", "accessed>100000000s"}) CHECK(!fits(no, row));
  auto other = row;
  other.accessed_ns = now;
  CHECK(!fits("accessed>1d", other));
  CHECK(fits("modified>1d", other));
}

TEST_CASE("types and refs are compared for equality, in any case") {
  CHECK(fits("type=model", row_of(1)));
  CHECK(fits("type=MODEL", row_of(1)));
  CHECK(!fits("type=dataset", row_of(1)));
  CHECK(fits("refs=Main", row_of(1)));
  CHECK(fits("refs=refs/pr/1", row_of(1)));
  CHECK(!fits("refs=refs/pr", row_of(1)));
}

TEST_CASE("what is no filter is refused, and the message says what is one") {
  const std::vector<std::pair<std::string, std::string>> bad{
      {"", "KEY OP VALUE"},
      {"size", "KEY OP VALUE"},
      {"size>", "KEY OP VALUE"},
      {"size==1", "!= > < >= <="},
      {"size=<1", "!= > < >= <="},
      {"size>1.5G", "no size"},
      {"size>-1", "no size"},
      {"size>1X", "no size"},
      {"size>99999999999999999999", "no size"},
      {"size>99999999p", "no size"},
      {"accessed>soon", "no duration"},
      {"modified>1mb", "no duration"},
      {"type>model", "only use ="},
      {"refs!=main", "only use ="},
      {"name=x", "accessed, modified, refs, size, type"}};
  for (const auto& one : bad) {
    const auto& [text, words] = one;
    CAPTURE(one.first);
    try {
      static_cast<void>(command::parse_filter(text, now));
      FAIL("accepted");
    } catch (const hubcache::error& e) {
      CHECK(e.reason() == hubcache::errc::invalid_argument);
      CHECK(std::string(e.what()).find(words) != std::string::npos);
    }
  }
}

TEST_CASE("rows are sorted by every key, names upwards and all else downwards") {
  auto a = row_of(1, 30), b = row_of(3, 20), c = row_of(2, 10);
  a.label = "model/a", b.label = "model/b", c.label = "model/c";
  a.unique = 5, b.unique = 4, c.unique = 6;
  const auto order = [&](const std::string& text) {
    std::vector<command::cache_row> rows{b, a, c};
    std::stable_sort(rows.begin(), rows.end(), command::parse_order(text));
    return std::string{rows[0].label.back(), rows[1].label.back(), rows[2].label.back()};
  };
  CHECK(order("name") == "abc");
  CHECK(order("name:desc") == "cba");
  CHECK(order("size") == "bca");
  CHECK(order("size:asc") == "acb");
  CHECK(order("accessed") == "cba");
  CHECK(order("modified:asc") == "abc");
  CHECK(order("unique") == "cab");
  CHECK(order("freed:asc") == "bac");
}

TEST_CASE("what is no order is refused, and the message says what is one") {
  for (const auto* const text : {"", "siz", "size:", "size:up", "size:asc:desc", "SIZE"}) {
    CAPTURE(text);
    try {
      static_cast<void>(command::parse_order(text));
      FAIL("accepted");
    } catch (const hubcache::error& e) {
      CHECK(e.reason() == hubcache::errc::invalid_argument);
      CHECK(std::string(e.what()).find("accessed, modified, name, size, unique") != std::string::npos);
    }
  }
}
