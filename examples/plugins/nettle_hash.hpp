#pragma once
/// @file
/// Hashers on GNU Nettle, as an example of a hash of one's own. They pass the same conformance tests as the library's.
///
///   using cache = hubcache::basic_cache<hubcache::https_transport, plugins::nettle_hashes, ...>;
///
/// To take it over: copy this file, and link with nettle.

#include <hubcache/hash/hash_set.hpp>

#include <array>
#include <cstdint>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

namespace plugins {

/// Models hubcache::hasher. Construction never throws.
class nettle_sha256 {
 public:
  static constexpr hubcache::digest_algorithm algorithm = hubcache::digest_algorithm::sha256;

  nettle_sha256() noexcept { ::nettle_sha256_init(&state_); }
  void update(hubcache::byte_view bytes) noexcept {
    ::nettle_sha256_update(&state_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  [[nodiscard]] hubcache::digest finish() noexcept {
    std::array<std::uint8_t, SHA256_DIGEST_SIZE> bytes;
    ::nettle_sha256_digest(&state_, bytes.size(), bytes.data());  // begins anew, too
    return {algorithm, std::as_bytes(std::span(bytes))};
  }

 private:
  ::sha256_ctx state_;
};

/// Models hubcache::hasher: the plain SHA-1, to which hash_set adds git's prefix. Construction never throws.
class nettle_sha1 {
 public:
  static constexpr hubcache::digest_algorithm algorithm = hubcache::digest_algorithm::git_sha1;

  nettle_sha1() noexcept { ::nettle_sha1_init(&state_); }
  void update(hubcache::byte_view bytes) noexcept {
    ::nettle_sha1_update(&state_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  [[nodiscard]] hubcache::digest finish() noexcept {
    std::array<std::uint8_t, SHA1_DIGEST_SIZE> bytes;
    ::nettle_sha1_digest(&state_, bytes.size(), bytes.data());  // begins anew, too
    return {algorithm, std::as_bytes(std::span(bytes))};
  }

 private:
  ::sha1_ctx state_;
};

using nettle_hashes = hubcache::hash_set<nettle_sha256, nettle_sha1>;

}  // namespace plugins
