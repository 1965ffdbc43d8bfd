#include <hubcache/hash/xxh3.hpp>

#include <doctest/doctest.h>

using hubcache::as_byte_view;
using hubcache::xxh3;

// The empty input's value is that of xxHash's specification and of `xxhsum -H3`.
TEST_CASE("Fingerprints are XXH3's, so that they may be stored") {
  CHECK(xxh3({}) == 0x2d06800538d394c2U);
  CHECK(xxh3(as_byte_view("abc")) == 0x78af5f94892f3950U);
}

TEST_CASE("Fingerprints depend on the bytes and on the seed") {
  CHECK(xxh3(as_byte_view("abc")) != xxh3(as_byte_view("abd")));
  CHECK(xxh3(as_byte_view("abc")) != xxh3(as_byte_view("abc"), 1));
  CHECK(xxh3(as_byte_view("abc"), 0) == xxh3(as_byte_view("abc")));
}
