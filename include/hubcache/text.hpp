#pragma once
/// @file
/// Text from outside: UTF-8, what of it may be shown, and the case of letters.

#include <hubcache/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Stands for malformed UTF-8 where text must be well-formed: U+FFFD.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// Takes one code point off the front of `rest`. A byte b that begins no well-formed sequence is taken alone
/// and returned as 0xDC00 + b, as Python's surrogateescape does, so that such bytes still compare. @pre
/// !rest.empty()
[[nodiscard]] HUBCACHE_DECL char32_t take_code_point(std::string_view& rest) noexcept;

/// Whether `take_code_point` returned a malformed byte.
[[nodiscard]] constexpr bool is_malformed(char32_t code_point) noexcept {
  return code_point >= 0xDC80 && code_point <= 0xDCFF;
}

/// `c` in lower case if it is an ASCII letter; the names of protocols know no others.
[[nodiscard]] constexpr char lower_case(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
/// Whether the texts are the same but for the case of ASCII letters.
[[nodiscard]] HUBCACHE_DECL bool equal_without_case(std::string_view a, std::string_view b) noexcept;

/// `text` for a message on a terminal: at most `limit` code points, control characters (C0, DEL, C1) replaced
/// by blanks, malformed bytes by U+FFFD.
[[nodiscard]] HUBCACHE_DECL std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/text.ipp>
#endif
