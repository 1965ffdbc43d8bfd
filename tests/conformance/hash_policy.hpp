#pragma once
/// @file
/// What every model of `hash_policy` must do. Call it in a test case of your own, with an object of the type:
///
///   TEST_CASE("my_hashes keep the contract of hash_policy") { test::check_hash_policy(my_hashes()); }
///
/// Needs doctest and this folder's parent on the include path, which the CMake target hubcache::conformance brings.
/// Nothing is optional; hashers of your own are tested one by one by conformance/hasher.hpp.

#include <hubcache/hash/git_blob.hpp>
#include <hubcache/hash/hash_set.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <support/patterned.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/hasher.hpp"

namespace test {

template <hubcache::hash_policy P>
void names_known_contents(const P& policy) {
  using hubcache::digest_algorithm;
  const auto name = [&policy](digest_algorithm algorithm, std::string_view text) {
    return digest_of(policy.make(algorithm, text.size()), text);
  };
  for (std::size_t i = 0; i < vector_count; ++i) {
    const auto& [message, hex] = vectors_of(digest_algorithm::sha256)[i];
    CHECK(name(digest_algorithm::sha256, message).hex() == hex);
  }
  // By `git hash-object`: the size stands before the content.
  const std::pair<std::string_view, std::string_view> blobs[] = {
      {"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
      {"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"}};
  for (const auto& [text, hex] : blobs) CHECK(name(digest_algorithm::git_sha1, text).hex() == hex);
  for (const auto algorithm : {digest_algorithm::sha256, digest_algorithm::git_sha1}) {
    CHECK(name(algorithm, "").algorithm() == algorithm);
  }
}

/// Streams that are open at the same time, as a download has them, one by one and in lanes.
template <hubcache::hash_policy P>
void keeps_streams_apart(const P& policy) {
  constexpr std::size_t count = 5, size = 64 * 100;
  for (const auto algorithm : {hubcache::digest_algorithm::sha256, hubcache::digest_algorithm::git_sha1}) {
    std::vector<std::string> texts;
    std::vector<hubcache::any_hasher> streams;
    std::array<hubcache::any_hasher*, count> open{};
    std::array<const std::byte*, count> bytes{};
    for (std::size_t i = 0; i < count; ++i) {
      texts.push_back(patterned(size));
      texts.back()[i] = '!';
      streams.push_back(policy.make(algorithm, size));
    }
    for (std::size_t i = 0; i < count; ++i) {
      open[i] = &streams[i];
      bytes[i] = hubcache::as_byte_view(texts[i]).data();
    }
    const bool alike = std::all_of(streams.begin(), streams.end(),
                                   [&](const auto& stream) { return stream.is_like(streams.front()); });
    if (alike) {
      hubcache::any_hasher::update_many(open, bytes, size);
    } else {
      for (std::size_t i = 0; i < count; ++i) streams[i].update({bytes[i], size});
    }
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(streams[i].finish() == digest_of(policy.make(algorithm, size), texts[i]));
    }
  }
}

/// The whole contract of `hash_policy`.
template <hubcache::hash_policy P>
void check_hash_policy(const P& policy) {
  names_known_contents(policy);
  keeps_streams_apart(policy);
  std::thread other([&policy] { names_known_contents(policy); });
  names_known_contents(policy);
  other.join();
}

}  // namespace test
