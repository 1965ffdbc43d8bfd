#include <hubcache/hash/any_hash_policy.hpp>

#include <doctest/doctest.h>

#include <conformance/hash_policy.hpp>
#include <memory>

namespace {

/// Counts what it makes; neither copyable nor movable.
class counting_hashes {
 public:
  explicit counting_hashes(int& made) : made_(made) {}
  counting_hashes(const counting_hashes&) = delete;
  counting_hashes& operator=(const counting_hashes&) = delete;
  ~counting_hashes() { made_ = -1; }

  [[nodiscard]] hubcache::any_hasher make(hubcache::digest_algorithm algorithm, std::uint64_t size) const {
    ++made_;
    return hubcache::default_hashes().make(algorithm, size);
  }

 private:
  int& made_;
};

}  // namespace

TEST_CASE("any_hash_policy keeps the contract of hash_policy") {
  test::check_hash_policy(hubcache::any_hash_policy(hubcache::default_hashes()));
}

TEST_CASE("any_hash_policy owns a model that does not move, and calls it after it has moved itself") {
  int made = 0;
  {
    hubcache::any_hash_policy first(std::in_place_type<counting_hashes>, made);
    const hubcache::any_hash_policy moved = std::move(first);
    (void)moved.make(hubcache::digest_algorithm::sha256, 0);
    CHECK(made == 1);
  }
  CHECK(made == -1);
}
