#include <hubcache/select/patterns.hpp>

#include <doctest/doctest.h>

#include <string>

using hubcache::matches;
using hubcache::selection;

namespace {

struct example {
  const char* pattern;
  const char* path;
  bool expected;
};

}  // namespace

// Each row was checked with Python's fnmatch.fnmatchcase after huggingface_hub's normalisation.
TEST_CASE("patterns match as Python's fnmatch does") {
  const example examples[] = {
      {"*.json", "config.json", true},
      {"*.json", "a/b/config.json", true},
      {"*.JSON", "config.json", false},
      {"data/*.json", "data/deep/er/x.json", true},
      {"**/x", "x", false},
      {"**/x", "a/x", true},
      {"*", "", true},
      {"*", ".hidden", true},
      {"", "", true},
      {"", "a", false},
      {"?", "/", true},
      {"a?c", "abc", true},
      {"a?c", "ac", false},
      {"[abc]", "b", true},
      {"[a-c]x", "bx", true},
      {"[!a-c]", "b", false},
      {"[!a-c]", "d", true},
      {"[^a]", "^", true},
      {"[^a]", "b", false},
      {"[]a]", "]", true},
      {"[!]a]", "]", false},
      {"[!]a]", "b", true},
      {"[a", "[a", true},
      {"[", "[", true},
      {"[!", "[!", true},
      {"[]", "[]", true},
      {"[*]", "*", true},
      {"[*]", "a", false},
      {"[?]", "?", true},
      {"[a-]", "-", true},
      {"[-a]", "-", true},
      {"[z-a]", "z", false},
      {"[z-a]", "-", false},
      {"[!z-a]", "z", true},
      {"[z-ab]", "b", true},
      {"[z-ab]", "z", false},
      {"[a-c-e]", "-", true},
      {"[a-c-e]", "d", false},
      {"[--0]", ".", true},
      {"[a-cx-z]", "y", true},
      {"[z-a!b]", "b", false},
      {"[z-a!b]", "c", true},
      {"{a,b}", "a", false},
      {"a.b", "aXb", false},
      {"a+(b)|c$", "a+(b)|c$", true},
      {"*a*b", "xaxxaxb", true},
      {"*a*b", "xaxxaxbc", false},
      {"a\nb?", "a\nb\n", true},
  };
  for (const auto& one : examples) {
    const auto& [pattern, path, expected] = one;
    CAPTURE(one.pattern);
    CAPTURE(one.path);
    CHECK(matches(pattern, path) == expected);
  }
}

TEST_CASE("a pattern that ends in a slash means what lies below that folder") {
  CHECK(matches("path/to/", "path/to/x/y"));
  CHECK(matches("path\\to\\", "path/to/x"));
  CHECK_FALSE(matches("path/to/", "path/to"));
}

TEST_CASE("a backslash is a slash in pattern and path") {
  CHECK(matches("a\\*.txt", "a/b.txt"));
  CHECK(matches("a/b", "a\\b"));
  CHECK(matches("[\\]", "/"));
}

TEST_CASE("characters are code points") {
  CHECK(matches("?", "\xE6\x97\xA5"));
  CHECK_FALSE(matches("??", "\xE6\x97\xA5"));
  CHECK(matches("[\xC3\xA0-\xC3\xAF]", "\xC3\xA9"));
  CHECK_FALSE(matches("[!\xC3\xA0-\xC3\xAF]", "\xC3\xA9"));
  CHECK(matches("a\xFF?", "a\xFF\xFE"));
  CHECK_FALSE(matches("\xFF", "\xFE"));
}

TEST_CASE("many runs do not make matching explode") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK_FALSE(matches(pattern + "b", std::string(4000, 'a')));
  CHECK(matches(pattern, std::string(4000, 'a')));
}

TEST_CASE("a pattern is made once and matches any number of paths") {
  const hubcache::path_pattern json("a*.json");
  CHECK(json("a.json"));
  CHECK_FALSE(json("b.json"));
  CHECK(json("a/b.json"));
}

TEST_CASE("a selection without lists selects everything") { CHECK(selection()("anything")); }

TEST_CASE("allow means at least one pattern, an empty list nothing") {
  selection s;
  s.allow = {"*.json", "*.txt"};
  CHECK(s("a.json"));
  CHECK(s("a.txt"));
  CHECK_FALSE(s("a.bin"));
  s.allow.emplace();
  CHECK_FALSE(s("a.json"));
}

TEST_CASE("ignore wins over allow") {
  selection s;
  s.allow = {"*.json"};
  s.ignore = {"secret/*"};
  CHECK(s("a.json"));
  CHECK_FALSE(s("secret/a.json"));
}
