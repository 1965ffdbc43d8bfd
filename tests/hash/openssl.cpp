#include <hubcache/hash/openssl.hpp>

#include <doctest/doctest.h>

#include <conformance/hasher.hpp>

TEST_CASE("OpenSSL's SHA-256 keeps the contract of hasher") {
  test::check_hasher<hubcache::openssl_sha256>();
}
TEST_CASE("OpenSSL's SHA-1 keeps the contract of hasher") { test::check_hasher<hubcache::openssl_sha1>(); }
