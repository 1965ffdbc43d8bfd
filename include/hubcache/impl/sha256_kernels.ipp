#pragma once

#include <hubcache/hash/sha256_kernels.hpp>

#include <openssl/sha.h>

#include <algorithm>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace hubcache::inline v0_1::detail {

// Deprecated in favour of EVP, whose state cannot be moved into lanes. Setting up costs nothing, besides.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
HUBCACHE_DECL void sha256_single(sha256_words& words, const std::byte* bytes, std::size_t blocks) noexcept {
  ::SHA256_CTX state{};
  std::copy(words.begin(), words.end(), state.h);
  state.md_len = SHA256_DIGEST_LENGTH;
  ::SHA256_Update(&state, bytes, blocks * sha256_block);
  std::copy_n(state.h, words.size(), words.begin());
}
#pragma GCC diagnostic pop

#if defined(__x86_64__) && defined(__GNUC__)

// g++ 12 takes the undefined operands inside its own AVX-512 intrinsics for mistakes.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// FIPS 180-4, section 4.2.2.
inline constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// Words of 8 messages. Every function that touches vectors is compiled for their CPU and inlined into the kernel;
/// a template cannot carry two targets, which is why the rounds stand here twice.
struct sha256_avx2 {
  using vector = __m256i;
  static constexpr std::size_t lanes = 8;

  template <int N>
  [[gnu::target("avx2"), gnu::always_inline]] static inline vector rotate(vector x) noexcept {
    return _mm256_or_si256(_mm256_srli_epi32(x, N), _mm256_slli_epi32(x, 32 - N));
  }
  template <int A, int B, int C>
  [[gnu::target("avx2"), gnu::always_inline]] static inline vector big_sigma(vector x) noexcept {
    return _mm256_xor_si256(_mm256_xor_si256(rotate<A>(x), rotate<B>(x)), rotate<C>(x));
  }
  template <int A, int B, int Shift>
  [[gnu::target("avx2"), gnu::always_inline]] static inline vector small_sigma(vector x) noexcept {
    return _mm256_xor_si256(_mm256_xor_si256(rotate<A>(x), rotate<B>(x)), _mm256_srli_epi32(x, Shift));
  }
  [[gnu::target("avx2"), gnu::always_inline]] static inline void transpose(vector* rows) noexcept;
  [[gnu::target("avx2"), gnu::always_inline]] static inline void round(vector* s, vector word,
                                                                       std::uint32_t k) noexcept;
  [[gnu::target("avx2")]] static void compress(sha256_words* const* words, const std::byte* const* bytes,
                                               std::size_t blocks) noexcept;
};

inline void sha256_avx2::transpose(vector* r) noexcept {
  vector pairs[8], fours[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    fours[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
    fours[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
    fours[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    fours[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
    r[i + 4] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
  }
}

/// s = a to h.
inline void sha256_avx2::round(vector* s, vector word, std::uint32_t k) noexcept {
  const vector choice = _mm256_xor_si256(s[6], _mm256_and_si256(s[4], _mm256_xor_si256(s[5], s[6])));
  const vector majority =
      _mm256_or_si256(_mm256_and_si256(s[0], s[1]), _mm256_and_si256(s[2], _mm256_or_si256(s[0], s[1])));
  const vector keyed = _mm256_add_epi32(word, _mm256_set1_epi32(static_cast<int>(k)));
  const vector t1 =
      _mm256_add_epi32(_mm256_add_epi32(_mm256_add_epi32(s[7], keyed), choice), big_sigma<6, 11, 25>(s[4]));
  const vector t2 = _mm256_add_epi32(big_sigma<2, 13, 22>(s[0]), majority);
  s[7] = s[6];
  s[6] = s[5];
  s[5] = s[4];
  s[4] = _mm256_add_epi32(s[3], t1);
  s[3] = s[2];
  s[2] = s[1];
  s[1] = s[0];
  s[0] = _mm256_add_epi32(t1, t2);
}

inline void sha256_avx2::compress(sha256_words* const* words, const std::byte* const* bytes,
                                  std::size_t blocks) noexcept {
  const vector big_endian = _mm256_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,  //
                                             3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  vector h[8], w[16];
  for (std::size_t i = 0; i < lanes; ++i)
    h[i] = _mm256_loadu_si256(reinterpret_cast<const vector*>(words[i]->data()));
  transpose(h);
  for (std::size_t offset = 0; offset < blocks * sha256_block; offset += sha256_block) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < lanes; ++i) {
      const auto* const in = reinterpret_cast<const vector*>(bytes[i] + offset);
      w[i] = _mm256_shuffle_epi8(_mm256_loadu_si256(in), big_endian);
      w[i + 8] = _mm256_shuffle_epi8(_mm256_loadu_si256(in + 1), big_endian);
    }
    transpose(w);
    transpose(w + 8);
    vector s[8];
    for (int i = 0; i < 8; ++i) s[i] = h[i];
    for (std::size_t t = 0; t < 64; t += 16) {
#pragma GCC unroll 16
      for (std::size_t i = 0; i < 16; ++i) {
        round(s, w[i], sha256_constants[t + i]);
        w[i] = _mm256_add_epi32(_mm256_add_epi32(w[i], small_sigma<7, 18, 3>(w[(i + 1) % 16])),
                                _mm256_add_epi32(w[(i + 9) % 16], small_sigma<17, 19, 10>(w[(i + 14) % 16])));
      }
    }
    for (int i = 0; i < 8; ++i) h[i] = _mm256_add_epi32(h[i], s[i]);
  }
  transpose(h);
  for (std::size_t i = 0; i < lanes; ++i)
    _mm256_storeu_si256(reinterpret_cast<vector*>(words[i]->data()), h[i]);
}

/// The same for 16 messages.
struct sha256_avx512 {
  using vector = __m512i;
  static constexpr std::size_t lanes = 16;

  template <int A, int B, int C>
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] static inline vector big_sigma(vector x) noexcept {
    return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B), _mm512_ror_epi32(x, C),
                                     0x96);
  }
  template <int A, int B, int Shift>
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] static inline vector small_sigma(
      vector x) noexcept {
    return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, A), _mm512_ror_epi32(x, B),
                                     _mm512_srli_epi32(x, Shift), 0x96);
  }
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] static inline void transpose(vector* rows) noexcept;
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] static inline void round(vector* s, vector word,
                                                                                   std::uint32_t k) noexcept;
  [[gnu::target("avx512f,avx512bw")]] static void compress(sha256_words* const* words,
                                                           const std::byte* const* bytes,
                                                           std::size_t blocks) noexcept;
};

inline void sha256_avx512::transpose(vector* r) noexcept {
  vector pairs[16], fours[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
    fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
    fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const vector a = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0x88);
    const vector b = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0x88);
    const vector c = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0xdd);
    const vector d = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0xdd);
    r[i] = _mm512_shuffle_i32x4(a, b, 0x88);
    r[i + 4] = _mm512_shuffle_i32x4(c, d, 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(a, b, 0xdd);
    r[i + 12] = _mm512_shuffle_i32x4(c, d, 0xdd);
  }
}

inline void sha256_avx512::round(vector* s, vector word, std::uint32_t k) noexcept {
  const vector choice = _mm512_ternarylogic_epi32(s[4], s[5], s[6], 0xca);
  const vector majority = _mm512_ternarylogic_epi32(s[0], s[1], s[2], 0xe8);
  const vector keyed = _mm512_add_epi32(word, _mm512_set1_epi32(static_cast<int>(k)));
  const vector t1 =
      _mm512_add_epi32(_mm512_add_epi32(_mm512_add_epi32(s[7], keyed), choice), big_sigma<6, 11, 25>(s[4]));
  const vector t2 = _mm512_add_epi32(big_sigma<2, 13, 22>(s[0]), majority);
  s[7] = s[6];
  s[6] = s[5];
  s[5] = s[4];
  s[4] = _mm512_add_epi32(s[3], t1);
  s[3] = s[2];
  s[2] = s[1];
  s[1] = s[0];
  s[0] = _mm512_add_epi32(t1, t2);
}

inline void sha256_avx512::compress(sha256_words* const* words, const std::byte* const* bytes,
                                    std::size_t blocks) noexcept {
  const vector big_endian = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
  vector h[16], w[16];
  for (std::size_t i = 0; i < lanes; ++i)
    h[i] = _mm512_zextsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words[i]->data())));
  transpose(h);
  for (std::size_t offset = 0; offset < blocks * sha256_block; offset += sha256_block) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < lanes; ++i)
      w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(bytes[i] + offset), big_endian);
    transpose(w);
    vector s[8];
    for (int i = 0; i < 8; ++i) s[i] = h[i];
    for (std::size_t t = 0; t < 64; t += 16) {
#pragma GCC unroll 16
      for (std::size_t i = 0; i < 16; ++i) {
        round(s, w[i], sha256_constants[t + i]);
        w[i] = _mm512_add_epi32(_mm512_add_epi32(w[i], small_sigma<7, 18, 3>(w[(i + 1) % 16])),
                                _mm512_add_epi32(w[(i + 9) % 16], small_sigma<17, 19, 10>(w[(i + 14) % 16])));
      }
    }
    for (int i = 0; i < 8; ++i) h[i] = _mm512_add_epi32(h[i], s[i]);
  }
  transpose(h);
  for (std::size_t i = 0; i < lanes; ++i)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words[i]->data()), _mm512_castsi512_si256(h[i]));
}

HUBCACHE_DECL std::span<const sha256_lane_kernel> sha256_lane_kernels() noexcept {
  static constexpr std::array<sha256_lane_kernel, 2> all{
      {{sha256_avx2::lanes, sha256_avx2::compress}, {sha256_avx512::lanes, sha256_avx512::compress}}};
  const bool avx2 = __builtin_cpu_supports("avx2");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  return std::span(all).first(avx512 ? 2 : avx2 ? 1 : 0);
}

#pragma GCC diagnostic pop

#else

HUBCACHE_DECL std::span<const sha256_lane_kernel> sha256_lane_kernels() noexcept { return {}; }

#endif

}  // namespace hubcache::inline v0_1::detail
