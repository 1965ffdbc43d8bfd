#pragma once
/// @file
/// @concept hasher: an incremental digest of one stream of bytes.
///
/// Notation: H the type, h an lvalue of H, b a `byte_view`.
///
/// | expression    | returns          | requirement                                                       |
/// |---------------|------------------|-------------------------------------------------------------------|
/// | H{}           |                  | The empty message. May throw (a provider may be missing).         |
/// | h.update(b)   | void, noexcept   | Appends b, which is not kept. O(size).                            |
/// | h.finish()    | digest, noexcept | Of all updates. Afterwards h is as if newly made.                 |
/// | H::algorithm  | digest_algorithm | Which digest: sha256, or git_sha1's inner SHA-1 (see git_blob).   |
///
/// Thread safety: distinct objects are safe, one object is not.
/// Models: openssl_sha256, openssl_sha1, cryptopp_sha256, cryptopp_sha1.

#include <hubcache/digest.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace hubcache::inline v0_1 {

template <class H>
concept hasher = std::default_initializable<H> && std::movable<H> && requires(H& h, byte_view bytes) {
  { h.update(bytes) } noexcept;
  { h.finish() } noexcept -> std::same_as<digest>;
  { H::algorithm } -> std::convertible_to<digest_algorithm>;
};

}  // namespace hubcache::inline v0_1
