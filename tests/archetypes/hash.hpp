#pragma once
/// @file
/// A hasher and a hash policy that offer nothing beyond their contracts. docs/extending/hash.md shows the policy.

#include <hubcache/hash/hash_set.hpp>

#include <cstdint>

namespace minimal {

/// A hasher that is no lane_hasher; the digests are those of `Model`.
template <hubcache::hasher Model>
class hasher {
 public:
  static constexpr hubcache::digest_algorithm algorithm = Model::algorithm;

  hasher() = default;
  hasher(hasher&&) = default;
  hasher& operator=(hasher&&) = default;

  void update(hubcache::byte_view bytes) noexcept { model_.update(bytes); }
  hubcache::digest finish() noexcept { return model_.finish(); }

 private:
  Model model_;
};
static_assert(hubcache::hasher<hasher<hubcache::openssl_sha256>>);

/// A policy with a choice of its own, which hash_set does not have: another hasher for small contents.
class hashes {
 public:
  explicit hashes(std::uint64_t small) : small_(small) {}
  hashes(const hashes&) = delete;
  hashes& operator=(const hashes&) = delete;

  hubcache::any_hasher make(hubcache::digest_algorithm algorithm, std::uint64_t size) const {
    using git_hasher = hubcache::git_blob_hasher<hasher<hubcache::openssl_sha1>>;  // adds git's prefix
    if (algorithm == hubcache::digest_algorithm::git_sha1) return hubcache::any_hasher(git_hasher(size));
    if (size <= small_) return hubcache::any_hasher(hasher<hubcache::openssl_sha256>());
    return hubcache::any_hasher(hubcache::multi_buffer_sha256());
  }

 private:
  std::uint64_t small_;
};
static_assert(hubcache::hash_policy<hashes>);

}  // namespace minimal
