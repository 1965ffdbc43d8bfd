#include <doctest/doctest.h>

#include <nettle_hash.hpp>

#include "conformance/hash_policy.hpp"

TEST_CASE("the hashers on Nettle keep the contract of hasher") {
  test::check_hasher<plugins::nettle_sha256>();
  test::check_hasher<plugins::nettle_sha1>();
}

TEST_CASE("a hash_set of them keeps the contract of hash_policy") {
  test::check_hash_policy(plugins::nettle_hashes());
}
