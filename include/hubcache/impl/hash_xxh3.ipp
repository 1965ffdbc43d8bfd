#pragma once

#include <hubcache/hash/xxh3.hpp>

#include <xxhash.h>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::uint64_t xxh3(byte_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace hubcache::inline v0_1
