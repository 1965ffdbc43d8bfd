#include <hubcache/select/patterns.hpp>
#include <hubcache/text.hpp>

#include <string>

#include "require.hpp"

namespace {

/// Whether `c` is in the plain set `set` (members and a-b ranges, no '!', no ']').
bool in_set(std::u32string_view set, char32_t c) {
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == U'-') {
      if (set[i] <= c && c <= set[i + 2]) return true;
      i += 2;
    } else if (set[i] == c) {
      return true;
    }
  }
  return false;
}

/// The definition of a match, by recursion. Sets are of the plain kind only.
bool naive_match(std::u32string_view pattern, std::u32string_view path) {
  if (pattern.empty()) return path.empty();
  if (pattern[0] == U'*') {
    return naive_match(pattern.substr(1), path) || (!path.empty() && naive_match(pattern, path.substr(1)));
  }
  if (path.empty()) return false;
  std::size_t length = 1;
  bool accepted = pattern[0] == U'?' || pattern[0] == path[0];
  if (pattern[0] == U'[') {
    const bool negated = pattern.size() > 1 && pattern[1] == U'!';
    const std::size_t begin = negated ? 2 : 1;
    if (const auto end = pattern.find(U']', begin + 1); end != pattern.npos) {
      accepted = in_set(pattern.substr(begin, end - begin), path[0]) != negated;
      length = end + 1;
    }
  }
  return accepted && naive_match(pattern.substr(length), path.substr(1));
}

std::u32string normalized(std::string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const char32_t c = hubcache::take_code_point(text);
    result += c == U'\\' ? U'/' : c;
  }
  return result;
}

/// Whether no '-' of `pattern` stands where Python's reading of sets differs from the plain one: at most one
/// of them in each set, and no empty range.
bool has_plain_sets(std::u32string_view pattern) {
  const auto dash = pattern.find(U'-');
  if (dash == pattern.npos) return true;
  if (pattern.find(U'-', dash + 1) != pattern.npos || dash == 0 || dash + 1 == pattern.size()) return false;
  return pattern[dash - 1] <= pattern[dash + 1] && pattern[dash - 1] != U'[' && pattern[dash - 1] != U'!';
}

}  // namespace

// First line: a pattern; the rest: a path. Short ones must match as the definition says; long ones must end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto path = fuzz::as_text(data, size);
  const auto pattern = fuzz::take_part(path);
  const bool matched = hubcache::matches(pattern, path);
  if (pattern.size() > 12 || path.size() > 16) return 0;
  auto steps = normalized(pattern);
  if (steps.ends_with(U'/')) steps += U'*';
  if (has_plain_sets(steps)) fuzz::require(matched == naive_match(steps, normalized(path)));
  return 0;
}
