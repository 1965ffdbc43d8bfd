#pragma once

#include <hubcache/text.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

/// Bytes of the UTF-8 sequence that `first` begins; 0 if it begins none.
constexpr std::size_t sequence_length(unsigned first) noexcept {
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF5 ? 4 : 0;
}

}  // namespace detail

HUBCACHE_DECL char32_t take_code_point(std::string_view& rest) noexcept {
  const auto byte = [text = rest](std::size_t i) { return unsigned{static_cast<unsigned char>(text[i])}; };
  const std::size_t length = detail::sequence_length(byte(0));
  const auto malformed = [&] {
    rest.remove_prefix(1);
    return static_cast<char32_t>(0xDC00 + byte(0));
  };
  if (length == 0 || length > rest.size()) return malformed();
  char32_t result = length == 1 ? byte(0) : byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return malformed();
    result = (result << 6U) | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && result < 0x800) || (length == 4 && result < 0x10000);
  const bool surrogate = result >= 0xD800 && result <= 0xDFFF;
  if (overlong || surrogate || result > 0x10FFFF) return malformed();
  rest.remove_prefix(length);
  return result;
}

HUBCACHE_DECL bool equal_without_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_case(x) == lower_case(y); });
}

HUBCACHE_DECL std::string printable(std::string_view text, std::size_t limit) {
  std::string result;
  for (; !text.empty() && limit > 0; --limit) {
    const std::string_view before = text;
    const char32_t c = take_code_point(text);
    if (is_malformed(c)) {
      result += replacement_character;
    } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
      result += ' ';
    } else {
      result += before.substr(0, before.size() - text.size());
    }
  }
  return result;
}

}  // namespace hubcache::inline v0_1
