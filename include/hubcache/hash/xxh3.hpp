#pragma once
/// @file
/// XXH3: a fast fingerprint against accidental change. It names no content and stops no adversary.

#include <hubcache/digest.hpp>

#include <cstdint>
#include <memory>

struct XXH3_state_s;  // xxHash's XXH3_state_t

namespace hubcache::inline v0_1 {

namespace detail {

struct xxh3_free {
  HUBCACHE_DECL void operator()(XXH3_state_s* state) const noexcept;
};

}  // namespace detail

/// The 64-bit XXH3 of `bytes`; another `seed` gives an unrelated function. O(size), any thread.
/// The value is the same on every machine, so it may be stored.
[[nodiscard]] HUBCACHE_DECL std::uint64_t xxh3(byte_view bytes, std::uint64_t seed = 0) noexcept;

/// xxh3() of bytes that come piece by piece.
class xxh3_stream {
 public:
  HUBCACHE_DECL xxh3_stream();
  /// Appends `bytes`, which are not kept. O(size).
  HUBCACHE_DECL void update(byte_view bytes) noexcept;
  /// Of all updates so far.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t value() const noexcept;

 private:
  std::unique_ptr<XXH3_state_s, detail::xxh3_free> state_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hash_xxh3.ipp>
#endif
