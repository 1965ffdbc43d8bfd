#pragma once
/// @file
/// What a partial with gaps says of itself: the journal behind the place of its
/// last byte.

#include <hubcache/digest.hpp>
#include <hubcache/store/byte_ranges.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace hubcache::inline v0_1 {

/// The journal lies in one page of its own, so that a process that is killed
/// has written all of it or nothing.
inline constexpr std::size_t partial_journal_size = 4096;

/// Where the journal of a file of `size` bytes begins. @pre size < 2^63
[[nodiscard]] constexpr std::uint64_t partial_journal_offset(std::uint64_t size) noexcept {
  return (size + partial_journal_size - 1) / partial_journal_size * partial_journal_size;
}

/// The journal that says `there` of a file of `size` bytes. Of very many ranges
/// it tells the first: to forget the others costs to fetch them again.
///
/// Format, all numbers little-endian: the 8 bytes "HCPART1\n", u64 size, u64
/// count, count times u64 begin and u64 end, then the u64 XXH3 of all before.
[[nodiscard]] HUBCACHE_DECL std::string write_partial_journal(const byte_ranges& there, std::uint64_t size);

/// Reads what write_partial_journal() wrote. None for whatever it cannot have
/// written. Pure; any bytes are safe.
[[nodiscard]] HUBCACHE_DECL std::optional<byte_ranges> read_partial_journal(byte_view text,
                                                                            std::uint64_t size);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/partial_journal.ipp>
#endif
