#pragma once

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/store/partial_journal.hpp>

#include <algorithm>
#include <string_view>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::string_view journal_mark = "HCPART1\n";
inline constexpr std::size_t journal_ranges_at = 24;
inline constexpr std::size_t most_journal_ranges = 128;
static_assert(journal_ranges_at + most_journal_ranges * 16 + 8 <= partial_journal_size);

HUBCACHE_DECL void append_number(std::string& text, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8) text.push_back(static_cast<char>(value >> shift & 0xffU));
}

/// @pre at + 8 <= text.size()
HUBCACHE_DECL std::uint64_t number_at(byte_view text, std::size_t at) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8U | std::to_integer<std::uint64_t>(text[at + i]);
  return value;
}

}  // namespace detail

HUBCACHE_DECL std::string write_partial_journal(const byte_ranges& there, std::uint64_t size) {
  const auto count = std::min(there.all().size(), detail::most_journal_ranges);
  std::string text(detail::journal_mark);
  text.reserve(partial_journal_size);
  detail::append_number(text, size);
  detail::append_number(text, count);
  for (std::size_t i = 0; i < count; ++i) {
    detail::append_number(text, there.all()[i].begin);
    detail::append_number(text, there.all()[i].end);
  }
  detail::append_number(text, xxh3(as_byte_view(text)));
  return text;
}

HUBCACHE_DECL std::optional<byte_ranges> read_partial_journal(byte_view text, std::uint64_t size) {
  const auto mark = as_byte_view(detail::journal_mark);
  if (text.size() < detail::journal_ranges_at || !std::equal(mark.begin(), mark.end(), text.begin()) ||
      detail::number_at(text, 8) != size) {
    return std::nullopt;
  }
  const auto count = detail::number_at(text, 16);
  if (count > detail::most_journal_ranges) return std::nullopt;
  const auto end = detail::journal_ranges_at + static_cast<std::size_t>(count) * 16;
  if (text.size() < end + 8 || detail::number_at(text, end) != xxh3(text.first(end))) return std::nullopt;
  byte_ranges there;
  for (auto at = detail::journal_ranges_at; at < end; at += 16) {
    const byte_range one(detail::number_at(text, at), detail::number_at(text, at + 8));
    if (one.begin >= one.end || one.end > size) return std::nullopt;
    there.add(one);
  }
  return there;
}

}  // namespace hubcache::inline v0_1
