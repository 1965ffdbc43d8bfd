#pragma once
/// @file
/// Which bytes of a file are there.

#include <hubcache/config.hpp>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// The bytes from `begin` up to, not including, `end`.
struct byte_range {
  byte_range() = default;
  /// Sets begin and end.
  byte_range(std::uint64_t b, std::uint64_t e) : begin(b), end(e) {}

  std::uint64_t begin = 0;  ///< Offset of the first byte.
  std::uint64_t end = 0;    ///< Offset past the last byte.

  /// Bytes in it.
  [[nodiscard]] std::uint64_t size() const noexcept { return end - begin; }
  friend bool operator==(const byte_range&, const byte_range&) noexcept = default;
};

/// A set of bytes, as ranges in order that neither meet nor touch. Calls are
/// O(ranges).
class byte_ranges {
 public:
  byte_ranges() = default;

  /// Adds what may be there already. Empty ranges add nothing.
  HUBCACHE_DECL void add(byte_range more);
  /// Takes the first of them out: at most `most` bytes, all of one range. @pre
  /// !empty()
  [[nodiscard]] HUBCACHE_DECL byte_range take_first(std::uint64_t most);
  /// What of a file of `size` bytes is not among them. @pre no range ends
  /// behind `size`
  [[nodiscard]] HUBCACHE_DECL byte_ranges missing(std::uint64_t size) const;

  /// All of them, in order, disjoint and not adjacent.
  [[nodiscard]] const std::vector<byte_range>& all() const noexcept { return all_; }
  /// Whether there is none.
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  /// How many bytes.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t total() const noexcept;
  /// Where the first byte is missing.
  [[nodiscard]] std::uint64_t frontier() const noexcept {
    return all_.empty() || all_.front().begin > 0 ? 0 : all_.front().end;
  }

 private:
  std::vector<byte_range> all_;
};
static_assert(!std::is_aggregate_v<byte_ranges>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/byte_ranges.ipp>
#endif
