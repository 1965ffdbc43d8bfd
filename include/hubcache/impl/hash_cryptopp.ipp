#pragma once

#include <hubcache/hash/cryptopp.hpp>

#include <cryptopp/sha.h>

#include <array>
#include <variant>

namespace hubcache::inline v0_1::detail {

struct cryptopp_state {
  std::variant<CryptoPP::SHA256, CryptoPP::SHA1> kernel;

  CryptoPP::HashTransformation& stream() noexcept {
    return std::visit([](auto& k) -> CryptoPP::HashTransformation& { return k; }, kernel);
  }
};

HUBCACHE_DECL void cryptopp_free::operator()(cryptopp_state* state) const noexcept { delete state; }

HUBCACHE_DECL cryptopp_stream::cryptopp_stream(digest_algorithm algorithm)
    : algorithm_(algorithm), state_(new cryptopp_state) {
  if (algorithm == digest_algorithm::git_sha1) state_->kernel.emplace<CryptoPP::SHA1>();
}

HUBCACHE_DECL void cryptopp_stream::update(byte_view bytes) noexcept {
  state_->stream().Update(reinterpret_cast<const CryptoPP::byte*>(bytes.data()), bytes.size());
}

HUBCACHE_DECL digest cryptopp_stream::finish() noexcept {
  std::array<CryptoPP::byte, digest::max_size> bytes{};
  state_->stream().Final(bytes.data());
  return {algorithm_, std::as_bytes(std::span(bytes))};
}

}  // namespace hubcache::inline v0_1::detail
