#pragma once
/// @file
/// The contract of hashers.

/// @concept hubcache::hasher
/// An incremental digest of one stream of bytes.
///
/// Notation: H the type, h an lvalue of H, b a `byte_view`.
///
/// | expression    | returns          | requirement                                                       |
/// |---------------|------------------|-------------------------------------------------------------------|
/// | H{}           |                  | The empty message. May throw (a provider may be missing).         |
/// | h.update(b)   | void, noexcept   | Appends b, which is not kept. O(size).                            |
/// | h.finish()    | digest, noexcept | Of all updates. Afterwards h is as if newly made.                 |
/// | H::algorithm  | digest_algorithm | A constant: sha256, or git_sha1 for the plain SHA-1 of the bytes, |
/// |               |                  | to which git_blob_hasher adds git's prefix.                       |
///
/// A hasher that breaks after its construction finishes with a digest of zeros, which names no content.
/// Thread safety: distinct objects are safe, one object is not. A moved-from hasher is destroyed or assigned
/// to. Models: multi_buffer_sha256, openssl_sha256, openssl_sha1, cryptopp_sha256, cryptopp_sha1.
/// tests/conformance/hasher.hpp tests a model.

#include <hubcache/digest.hpp>

#include <concepts>

namespace hubcache::inline v0_1 {

template <class H>
concept hasher = std::default_initializable<H> && std::movable<H> && requires(H& h, byte_view bytes) {
  { h.update(bytes) }
  noexcept;
  { h.finish() }
  noexcept->std::same_as<digest>;
  { H::algorithm } -> std::convertible_to<digest_algorithm>;
};

}  // namespace hubcache::inline v0_1
