#include <hubcache/hash/cryptopp.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/hash/openssl.hpp>

#include <doctest/doctest.h>

#include <conformance/hasher.hpp>

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

TEST_CASE("A hash set of Crypto++'s hashers names content as the default one") {
  using hubcache::digest_algorithm;
  const hubcache::hash_set<hubcache::cryptopp_sha256, hubcache::cryptopp_sha1> set;
  const std::string_view text = "hello\n";
  for (const auto algorithm : {digest_algorithm::sha256, digest_algorithm::git_sha1}) {
    CHECK(test::digest_of(set.make(algorithm, text.size()), text) ==
          test::digest_of(hubcache::default_hashes{}.make(algorithm, text.size()), text));
  }
}
