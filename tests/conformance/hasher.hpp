#pragma once
/// @file
/// What every model of `hasher` must do. Call it in a test case of your own:
///
///   TEST_CASE("my_sha256 keeps the contract of hasher") { test::check_hasher<my_sha256>(); }
///
/// Needs doctest and this folder's parent on the include path, which the CMake target hubcache::conformance brings.
/// Nothing is optional. What makes hashers for a cache is tested by conformance/hash_policy.hpp.

#include <hubcache/hash/hasher.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <support/patterned.hpp>
#include <utility>

namespace test {

template <class H>
hubcache::digest digest_of(H&& hasher, std::string_view text) {
  hasher.update(hubcache::as_byte_view(text));
  return hasher.finish();
}

/// A message and its published digest.
struct hash_vector {
  std::string message;
  std::string hex;
};

/// Vectors of FIPS 180-4 (NIST's examples); the MiB of 'a' by coreutils.
inline const hash_vector* vectors_of(hubcache::digest_algorithm algorithm) {
  static const hash_vector sha256[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1U << 20U, 'a'), "9bc1b2a288b26af7257a36277ae3816a7d4f16e89c1e7e77d0a5c48bad62b360"}};
  static const hash_vector sha1[] = {
      {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
      {std::string(1U << 20U, 'a'), "454027d64e3b855735552d42230eea1cbd645fa0"}};
  return algorithm == hubcache::digest_algorithm::sha256 ? sha256 : sha1;
}
inline constexpr std::size_t vector_count = 4;

/// The whole contract of `hasher`.
template <hubcache::hasher H>
void check_hasher() {
  using hubcache::as_byte_view;
  for (std::size_t i = 0; i < vector_count; ++i) {
    const auto& [message, hex] = vectors_of(H::algorithm)[i];
    const auto name = digest_of(H{}, message);
    CHECK(name.hex() == hex);
    CHECK(name.algorithm() == H::algorithm);
  }

  // Every split around the 64-byte blocks gives the same as one update.
  const std::string text = patterned(257);
  const auto whole = digest_of(H{}, text);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    H h;
    h.update(as_byte_view(text).first(at));
    h.update(as_byte_view(text).subspan(at));
    CHECK(h.finish() == whole);
  }
  H bytewise;
  for (std::size_t at = 0; at < text.size(); ++at) bytewise.update(as_byte_view(text).subspan(at, 1));
  CHECK(bytewise.finish() == whole);

  // finish() begins anew; an empty update changes nothing; a move takes the stream along.
  H h;
  h.update(as_byte_view("left over"));
  (void)h.finish();
  h.update({});
  h.update(as_byte_view(text).first(100));
  H moved = std::move(h);
  moved.update(as_byte_view(text).subspan(100));
  CHECK(moved.finish() == whole);
  h = H{};
  CHECK(digest_of(h, text) == whole);
}

}  // namespace test
