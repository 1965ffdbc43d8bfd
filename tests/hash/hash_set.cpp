#include <hubcache/hash/hash_set.hpp>

#include <doctest/doctest.h>

#include <conformance/hash_policy.hpp>

using hubcache::digest_algorithm;

namespace {

/// A policy with a state and nothing beyond the contract.
struct counting_hashes {
  int& made;

  [[nodiscard]] hubcache::any_hasher make(digest_algorithm algorithm, std::uint64_t size) const {
    ++made;
    return hubcache::default_hashes{}.make(algorithm, size);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("A hash set keeps the contract of hash_policy", Set, hubcache::default_hashes,
                   hubcache::hash_set<hubcache::openssl_sha256, hubcache::openssl_sha1>) {
  test::check_hash_policy(Set());
}

TEST_CASE("A hash set reference makes hashers of the set it refers to") {
  int made = 0;
  const counting_hashes hashes{made};
  const hubcache::hash_set_ref ref = hashes;
  const auto copied = ref;
  CHECK(test::digest_of(copied.make(digest_algorithm::git_sha1, 0), "").hex() ==
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  CHECK(made == 1);
}

TEST_CASE("An erased hasher can be moved in the middle of its stream and used again after its end") {
  auto h = hubcache::default_hashes{}.make(digest_algorithm::sha256, 3);
  h.update(hubcache::as_byte_view("a"));
  auto moved = std::move(h);
  CHECK(test::digest_of(moved, "bc") == test::digest_of(hubcache::openssl_sha256{}, "abc"));
  CHECK(test::digest_of(moved, "abc") == test::digest_of(hubcache::openssl_sha256{}, "abc"));
}
