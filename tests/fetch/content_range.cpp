#include <hubcache/fetch/content_range.hpp>

#include <doctest/doctest.h>

#include <string>

using hubcache::parse_content_range;

TEST_CASE("A content range has a first, a last and a total byte count") {
  const auto range = parse_content_range("bytes 100-199/548105171");
  REQUIRE(range);
  CHECK(range->first == 100);
  CHECK(range->last == 199);
  CHECK(range->total == 548'105'171);
}

TEST_CASE("A range may be one byte, the whole content, or lie beyond 4 GiB") {
  CHECK(parse_content_range("bytes 0-0/1"));
  CHECK(parse_content_range("bytes 0-99/100"));
  CHECK(parse_content_range("bytes 5000000000-5000000001/9000000000000000000")->first == 5'000'000'000);
}

TEST_CASE("A range that contradicts itself is none") {
  for (const char* text : {"bytes 2-1/10", "bytes 0-10/10", "bytes 0-0/0", "bytes 5-9/5"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_content_range(text));
  }
}

TEST_CASE("A range without all three numbers is none") {
  for (const char* text : {"", "bytes", "bytes ", "bytes 0-9", "bytes 0-9/", "bytes 0-9/*", "bytes */10",
                           "bytes -9/10", "bytes 0-/10", "bytes 09/10", "0-9/10", "items 0-9/10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_content_range(text));
  }
}

TEST_CASE("A range with anything besides is none") {
  for (const char* text :
       {"bytes 0-9/10 ", "bytes  0-9/10", "bytes 0 -9/10", "bytes 0-9/10, 20-29/30", "bytes=0-9/10",
        "bytes +0-9/10", "bytes 0--9/10", "bytes 0x0-9/10", "bytes 0-9/1e2"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_content_range(text));
  }
}

TEST_CASE("Numbers that do not fit are no range") {
  CHECK_FALSE(parse_content_range("bytes 0-9/99999999999999999999"));
  CHECK_FALSE(parse_content_range("bytes 0-18446744073709551616/18446744073709551617"));
  CHECK_FALSE(parse_content_range("bytes " + std::string(10'000, '9') + "-9/10"));
}
