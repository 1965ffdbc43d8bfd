#pragma once
/// @file
/// Hashers on Crypto++, for programs that have it anyway. The library does not use them: this is outside
/// <hubcache.hpp>, compiled where it is included, and needs Crypto++ to be linked (CMake: hubcache::cryptopp).

#include <hubcache/hash/hasher.hpp>

#include <cryptopp/sha.h>

#include <array>
#include <span>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// Models `hasher`. Construction throws only std::bad_alloc.
template <digest_algorithm Algorithm>
class cryptopp_hasher {
 public:
  /// @{

  /// As hasher says.
  static constexpr digest_algorithm algorithm = Algorithm;

  void update(byte_view bytes) noexcept {
    kernel_.Update(reinterpret_cast<const CryptoPP::byte*>(bytes.data()), bytes.size());
  }
  [[nodiscard]] digest finish() noexcept {
    std::array<CryptoPP::byte, kernel::DIGESTSIZE> bytes{};
    kernel_.Final(bytes.data());
    return {Algorithm, std::as_bytes(std::span(bytes))};
  }
  /// @}

 private:
  using kernel =
      std::conditional_t<Algorithm == digest_algorithm::git_sha1, CryptoPP::SHA1, CryptoPP::SHA256>;
  kernel kernel_;
};

/// SHA-256.
using cryptopp_sha256 = cryptopp_hasher<digest_algorithm::sha256>;
/// The plain SHA-1 of the bytes.
using cryptopp_sha1 = cryptopp_hasher<digest_algorithm::git_sha1>;
static_assert(hasher<cryptopp_sha256> && hasher<cryptopp_sha1>);

}  // namespace hubcache::inline v0_1
