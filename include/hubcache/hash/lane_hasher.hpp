#pragma once
/// @file
/// The contract of hashers with lanes.

/// @concept hubcache::lane_hasher
/// A `hasher` that takes many messages at once in less time than one after another.
///
/// Notation: H the type, s a `std::span<H* const>` of distinct objects, b a `std::span<const std::byte* const>` as
/// long as s, n a number of bytes that are there at each of b.
///
/// | expression              | returns              | requirement                                              |
/// |-------------------------|----------------------|----------------------------------------------------------|
/// | H::lanes()              | lane_range, noexcept | How many messages it takes faster together than one      |
/// |                         |                      | after another, here; constant. May measure when first    |
/// |                         |                      | called.                                                  |
/// | H::update_many(s, b, n) | void, noexcept       | For each i as s[i]->update({b[i], n}). s.size() is at    |
/// |                         |                      | most `most_lanes`; which kernel runs is H's choice.      |
///
/// So every message may be updated alone or among others, in turns. Thread safety: as of a hasher, for all of s.
/// Models: multi_buffer_sha256.

#include <hubcache/hash/hasher.hpp>

#include <cstddef>
#include <span>

namespace hubcache::inline v0_1 {

/// The largest number of messages that a lane_hasher is given at once.
inline constexpr std::size_t most_lanes = 16;

/// From `fewest` messages on it is faster to take them together; more than `most` at once gain no more. At most
/// `most_lanes`; most == 1: never.
struct lane_range {
  std::size_t fewest = 1;  ///< Streams from which on it is worth while.
  std::size_t most = 1;    ///< Streams that one call takes.

  friend bool operator==(const lane_range&, const lane_range&) noexcept = default;
};

template <class H>
concept lane_hasher = hasher<H> &&
    requires(std::span<H* const> streams, std::span<const std::byte* const> bytes, std::size_t size) {
  { H::lanes() }
  noexcept->std::same_as<lane_range>;
  { H::update_many(streams, bytes, size) }
  noexcept;
};

}  // namespace hubcache::inline v0_1
