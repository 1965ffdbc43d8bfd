#pragma once

#include <hubcache/hub/json_text.hpp>
#include <hubcache/text.hpp>

namespace hubcache::inline v0_1 {

namespace detail {

/// Appends \uXXXX of one UTF-16 unit.
HUBCACHE_DECL void append_json_unit(std::string& out, char32_t unit) {
  static constexpr char digits[] = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift = 16; shift > 0; shift -= 4) out += digits[(unit >> (shift - 4)) & 15U];
}

/// The letter of the two-character escape of `c`, or 0.
constexpr char json_escape(char32_t c) noexcept {
  switch (c) {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

}  // namespace detail

HUBCACHE_DECL void append_json_string(std::string& out, std::string_view text, bool ascii_only) {
  out += '"';
  while (!text.empty()) {
    const std::string_view before = text;
    char32_t c = take_code_point(text);
    std::string_view bytes = before.substr(0, before.size() - text.size());
    if (is_malformed(c)) {
      c = 0xFFFD;
      bytes = replacement_character;
    }
    if (const char letter = detail::json_escape(c); letter != 0) {
      out.append(1, '\\').append(1, letter);
    } else if (c < 0x20 || (ascii_only && c >= 0x7F && c <= 0xFFFF)) {
      detail::append_json_unit(out, c);
    } else if (ascii_only && c > 0xFFFF) {
      detail::append_json_unit(out, 0xD800 + ((c - 0x10000) >> 10U));
      detail::append_json_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FFU));
    } else {
      out += bytes;
    }
  }
  out += '"';
}

}  // namespace hubcache::inline v0_1
