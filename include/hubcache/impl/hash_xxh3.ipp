#pragma once

#include <hubcache/hash/xxh3.hpp>

#include <xxhash.h>

#include <new>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::uint64_t xxh3(byte_view bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

HUBCACHE_DECL void detail::xxh3_free::operator()(XXH3_state_s* state) const noexcept {
  XXH3_freeState(state);
}

HUBCACHE_DECL xxh3_stream::xxh3_stream() : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  XXH3_64bits_reset(state_.get());
}

HUBCACHE_DECL void xxh3_stream::update(byte_view bytes) noexcept {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

HUBCACHE_DECL std::uint64_t xxh3_stream::value() const noexcept { return XXH3_64bits_digest(state_.get()); }

}  // namespace hubcache::inline v0_1
