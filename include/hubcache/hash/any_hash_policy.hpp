#pragma once
/// @file
/// Any hash policy, owned: for programs that choose one at run time.
///
///   hubcache::any_hash_policy hashes = in_hardware ? hubcache::any_hash_policy(hardware_hashes(device))
///                                                  : hubcache::any_hash_policy(hubcache::default_hashes());

#include <hubcache/hash/hash_set.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// Owns some model of `hash_policy`, itself one: one allocation when it is made, one indirect call per content.
///
/// Never empty but after a move, when it is good for assignment and destruction only. As thread-safe as the model.
class any_hash_policy {
 public:
  /// Takes a model over.
  template <class P>
  requires(!std::is_same_v<P, any_hash_policy> && hash_policy<P>) explicit any_hash_policy(P model)
      : any_hash_policy(std::in_place_type<P>, std::move(model)) {}
  /// Makes a model in its place, where it stays: for those that cannot be moved.
  template <hash_policy P, class... Arguments>
  explicit any_hash_policy(std::in_place_type_t<P>, Arguments&&... arguments)
      : any_hash_policy(std::make_shared<const P>(std::forward<Arguments>(arguments)...)) {}
  /// Takes over what the other owns.
  any_hash_policy(any_hash_policy&&) noexcept = default;
  any_hash_policy& operator=(any_hash_policy&&) noexcept = default;

  /// As hash_policy says. @param size Of the whole content, in bytes.
  [[nodiscard]] any_hasher make(digest_algorithm algorithm, std::uint64_t size) const {
    return calls_.make(algorithm, size);
  }

 private:
  template <class P>
  explicit any_hash_policy(std::shared_ptr<const P> model) : calls_(*model), self_(std::move(model)) {}

  hash_set_ref calls_;
  std::shared_ptr<const void> self_;  // shared with nobody: it remembers how to destroy what it owns
};
static_assert(hash_policy<any_hash_policy>);

}  // namespace hubcache::inline v0_1
