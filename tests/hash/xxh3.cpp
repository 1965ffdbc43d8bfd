#include <hubcache/hash/xxh3.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

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

TEST_CASE("Bytes that come piece by piece have the fingerprint of the whole") {
  const std::string bytes(100'000, 'x');
  hubcache::xxh3_stream stream;
  CHECK(stream.value() == xxh3({}));
  for (std::size_t at = 0; at < bytes.size(); at += 7000) {
    stream.update(as_byte_view(std::string_view(bytes).substr(at, 7000)));
  }
  CHECK(stream.value() == xxh3(as_byte_view(bytes)));
}
