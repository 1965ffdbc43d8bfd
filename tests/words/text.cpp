#include <hubcache/text.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hubcache;

namespace {

std::u32string code_points(std::string_view text) {
  std::u32string result;
  while (!text.empty()) result += take_code_point(text);
  return result;
}

}  // namespace

TEST_CASE("UTF-8 is read code point by code point") {
  CHECK(code_points("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\xA4\x97") == U"a\u00E9\u20AC\U0001F917");
  CHECK(code_points("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF") ==
        U"\u007F\u0080\u07FF\u0800\uFFFF\U00010000\U0010FFFF");
}

TEST_CASE("every byte of malformed UTF-8 is read alone") {
  const auto bad = [](std::string_view text) {
    std::u32string expected;
    for (const char c : text) expected += static_cast<char32_t>(0xDC00 + static_cast<unsigned char>(c));
    return expected;
  };
  for (const std::string_view text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CAPTURE(text);
    CHECK(code_points(text) == bad(text));
  }
  CHECK(code_points("\xE2\x82z") == bad("\xE2\x82") + U"z");
}

TEST_CASE("printable text has no control characters and no malformed bytes") {
  CHECK(printable("a\x1b[0m\r\nb\x7f") == "a [0m  b ");
  CHECK(printable("\xC2\x9B"
                  "31m") == " 31m");
  CHECK(printable("a\xFF") == "a\xEF\xBF\xBD");
  CHECK(printable(std::string_view("\0", 1)) == " ");
}

TEST_CASE("printable text is cut between code points") {
  CHECK(printable("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 2) == "\xE2\x82\xAC\xE2\x82\xAC");
  CHECK(printable("abc", 0).empty());
}
