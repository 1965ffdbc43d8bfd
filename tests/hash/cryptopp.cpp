#include <hubcache/hash/cryptopp.hpp>
#include <hubcache/hash/openssl.hpp>

#include <doctest/doctest.h>

#include <hash/conformance.hpp>

TEST_CASE("Crypto++'s SHA-256 keeps the contract of hasher") {
  test::check_hasher<hubcache::cryptopp_sha256>();
}
TEST_CASE("Crypto++'s SHA-1 keeps the contract of hasher") { test::check_hasher<hubcache::cryptopp_sha1>(); }

TEST_CASE("Crypto++ and OpenSSL agree on content of every length up to some blocks") {
  const auto bytes = test::patterned(300);
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const auto text = std::string_view(bytes).substr(0, n);
    CHECK(test::digest_of(hubcache::cryptopp_sha256{}, text) ==
          test::digest_of(hubcache::openssl_sha256{}, text));
    CHECK(test::digest_of(hubcache::cryptopp_sha1{}, text) ==
          test::digest_of(hubcache::openssl_sha1{}, text));
  }
}
