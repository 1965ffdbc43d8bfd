#pragma once
/// @file
/// XXH3: a fast fingerprint against accidental change. It names no content and stops no adversary.

#include <hubcache/digest.hpp>

#include <cstdint>

namespace hubcache::inline v0_1 {

/// The 64-bit XXH3 of `bytes`; another `seed` gives an unrelated function. O(size), any thread.
/// The value is the same on every machine, so it may be stored.
[[nodiscard]] HUBCACHE_DECL std::uint64_t xxh3(byte_view bytes, std::uint64_t seed = 0) noexcept;

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hash_xxh3.ipp>
#endif
