#pragma once
/// @file
/// Compression functions of SHA-256 (FIPS 180-4, section 6.2) on plain words, so that a message moves from one to
/// another after any block: one message at a time, or one per 32-bit lane of the CPU's vectors.

#include <hubcache/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hubcache::inline v0_1::detail {

/// The intermediate hash value, words as FIPS 180-4 numbers them.
using sha256_words = std::array<std::uint32_t, 8>;
inline constexpr std::size_t sha256_block = 64;  // bytes
inline constexpr sha256_words sha256_start{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                           0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Takes `blocks` blocks at `bytes`. OpenSSL's, which uses what the CPU has.
HUBCACHE_DECL void sha256_single(sha256_words& words, const std::byte* bytes, std::size_t blocks) noexcept;

/// A multi-buffer kernel: takes the same number of blocks for `lanes` messages, of which each has its own state
/// and bytes. It costs the same however many of them are wanted.
struct sha256_lane_kernel {
  std::size_t lanes = 1;
  void (*compress)(sha256_words* const* words, const std::byte* const* bytes,
                   std::size_t blocks) noexcept = nullptr;
};
inline constexpr std::size_t sha256_most_lanes = 16;

/// Those that this CPU and its system can run, narrowest first: 8 lanes of AVX2, 16 of AVX-512.
[[nodiscard]] HUBCACHE_DECL std::span<const sha256_lane_kernel> sha256_lane_kernels() noexcept;

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/sha256_kernels.ipp>
#endif
