#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/openssl.hpp>

#include <openssl/evp.h>

#include <array>
#include <new>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL void evp_free::operator()(evp_md_st* kernel) const noexcept { ::EVP_MD_free(kernel); }
HUBCACHE_DECL void evp_free::operator()(evp_md_ctx_st* state) const noexcept { ::EVP_MD_CTX_free(state); }

HUBCACHE_DECL evp_stream::evp_stream(digest_algorithm algorithm)
    : algorithm_(algorithm),
      kernel_(::EVP_MD_fetch(nullptr, algorithm == digest_algorithm::sha256 ? "SHA2-256" : "SHA1", nullptr)),
      state_(::EVP_MD_CTX_new()) {
  if (!state_) throw std::bad_alloc();
  if (!kernel_ || ::EVP_DigestInit_ex2(state_.get(), kernel_.get(), nullptr) != 1) {
    throw error(errc::internal, "no OpenSSL provider offers SHA-256 and SHA-1");
  }
}

HUBCACHE_DECL void evp_stream::update(byte_view bytes) noexcept {
  intact_ = intact_ && ::EVP_DigestUpdate(state_.get(), bytes.data(), bytes.size()) == 1;
}

HUBCACHE_DECL digest evp_stream::finish() noexcept {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  const bool complete = intact_ && ::EVP_DigestFinal_ex(state_.get(), bytes.data(), nullptr) == 1;
  if (!complete) bytes.fill(0);
  intact_ = ::EVP_DigestInit_ex2(state_.get(), kernel_.get(), nullptr) == 1;
  return {algorithm_, std::as_bytes(std::span(bytes))};
}

}  // namespace hubcache::inline v0_1::detail
