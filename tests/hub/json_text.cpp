#include <hubcache/hub/json_text.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace std::string_view_literals;

namespace {

std::string json(std::string_view text, bool ascii_only) {
  std::string out = "x";
  hubcache::append_json_string(out, text, ascii_only);
  return out.substr(1);
}

}  // namespace

TEST_CASE("ASCII-only JSON strings are what Python's json.dumps writes") {
  // json.dumps('a"b\\c/\b\f\n\r\t\x00\x1f\x7f é€🤗')
  CHECK(json("a\"b\\c/\b\f\n\r\t\0\x1f\x7f \xC3\xA9\xE2\x82\xAC\xF0\x9F\xA4\x97"sv, true) ==
        R"("a\"b\\c/\b\f\n\r\t\u0000\u001f\u007f \u00e9\u20ac\ud83e\udd17")");
}

TEST_CASE("JSON strings keep UTF-8 unless told otherwise") {
  CHECK(json("\xC3\xA9\x7f\n\x01", false) == "\"\xC3\xA9\x7f\\n\\u0001\"");
}

TEST_CASE("malformed UTF-8 becomes a replacement character") {
  CHECK(json("a\xFFz", true) == R"("a\ufffdz")");
  CHECK(json("a\xFFz", false) == "\"a\xEF\xBF\xBDz\"");
}

TEST_CASE("an empty JSON string is two quotes") { CHECK(json("", true) == "\"\""); }
