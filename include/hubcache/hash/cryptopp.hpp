#pragma once
/// @file
/// Hashers on Crypto++.

#include <hubcache/hash/hasher.hpp>

#include <memory>

namespace hubcache::inline v0_1 {

namespace detail {

struct cryptopp_state;
struct cryptopp_free {
  HUBCACHE_DECL void operator()(cryptopp_state* state) const noexcept;
};

/// One Crypto++ digest stream, compiled once for all algorithms.
class cryptopp_stream {
 public:
  HUBCACHE_DECL explicit cryptopp_stream(digest_algorithm algorithm);
  HUBCACHE_DECL void update(byte_view bytes) noexcept;
  [[nodiscard]] HUBCACHE_DECL digest finish() noexcept;

 private:
  digest_algorithm algorithm_;
  std::unique_ptr<cryptopp_state, cryptopp_free> state_;
};

}  // namespace detail

/// Models `hasher`. Construction throws only std::bad_alloc.
template <digest_algorithm Algorithm>
class cryptopp_hasher {
 public:
  static constexpr digest_algorithm algorithm = Algorithm;

  cryptopp_hasher() : stream_(Algorithm) {}
  void update(byte_view bytes) noexcept { stream_.update(bytes); }
  [[nodiscard]] digest finish() noexcept { return stream_.finish(); }

 private:
  detail::cryptopp_stream stream_;
};

using cryptopp_sha256 = cryptopp_hasher<digest_algorithm::sha256>;
using cryptopp_sha1 = cryptopp_hasher<digest_algorithm::git_sha1>;
static_assert(hasher<cryptopp_sha256> && hasher<cryptopp_sha1>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hash_cryptopp.ipp>
#endif
