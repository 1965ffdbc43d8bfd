// The models of docs/extending keep the contracts that those pages tell.
#include <doctest/doctest.h>

#include <archetypes/hash.hpp>
#include <archetypes/index.hpp>
#include <archetypes/link.hpp>

#include "conformance/content_index.hpp"
#include "conformance/hash_policy.hpp"
#include "conformance/link_strategy.hpp"

TEST_CASE("the minimal hasher and hash policy keep their contracts") {
  test::check_hasher<minimal::hasher<hubcache::openssl_sha256>>();
  test::check_hasher<minimal::hasher<hubcache::openssl_sha1>>();
  test::check_hash_policy(minimal::hashes(100));
}

TEST_CASE("the minimal link strategy keeps the contract of link_strategy") {
  CHECK(test::check_link_strategy(minimal::links(), hubcache::link_kind::hard_link));
}

TEST_CASE("the minimal index keeps the contract of content_index") {
  test::index_conformance([] { return minimal::index(); });
}
