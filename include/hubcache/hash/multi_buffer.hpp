#pragma once
/// @file
/// SHA-256 by the fastest kernel of this CPU for the number of messages at hand.
///
/// One message: OpenSSL's compression function. It measured as fast as Crypto++'s where the CPU has SHA extensions,
/// and 1.1 to 1.5 times as fast where it has none. Many messages: one per SIMD lane, where that measured faster. FIPS
/// providers are not asked; openssl_sha256 is the hasher for those who need one.

#include <hubcache/hash/lane_hasher.hpp>
#include <hubcache/hash/sha256_kernels.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hubcache::inline v0_1 {

/// Models `lane_hasher`. A plain value without memory of its own.
class multi_buffer_sha256 {
 public:
  static constexpr digest_algorithm algorithm = digest_algorithm::sha256;  ///< As hasher says.

  /// As hasher says.
  HUBCACHE_DECL void update(byte_view bytes) noexcept;
  /// As hasher says.
  [[nodiscard]] HUBCACHE_DECL digest finish() noexcept;

  /// The first call in the process measures the kernels, which takes less than a millisecond.
  [[nodiscard]] HUBCACHE_DECL static lane_range lanes() noexcept;
  /// As lane_hasher says.
  HUBCACHE_DECL static void update_many(std::span<multi_buffer_sha256* const> streams,
                                        std::span<const std::byte* const> bytes, std::size_t size) noexcept;
  /// The same by a certain kernel. For tests and measurements.
  HUBCACHE_DECL static void update_many(const detail::sha256_lane_kernel& kernel,
                                        std::span<multi_buffer_sha256* const> streams,
                                        std::span<const std::byte* const> bytes, std::size_t size) noexcept;

 private:
  [[nodiscard]] std::size_t waiting() const noexcept { return length_ % detail::sha256_block; }

  detail::sha256_words words_ = detail::sha256_start;
  std::uint64_t length_ = 0;  ///< Of the message so far, in bytes.
  /// Its last waiting() bytes, which fill no block yet.
  std::array<std::byte, detail::sha256_block> tail_{};
};
static_assert(lane_hasher<multi_buffer_sha256>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hash_multi_buffer.ipp>
#endif
