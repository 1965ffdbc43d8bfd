#pragma once

#include <hubcache/select/patterns.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL bool pattern_step::accepts(char32_t c) const noexcept {
  const bool inside = std::any_of(ranges.begin(), ranges.end(),
                                  [c](const auto& range) { return range.first <= c && c <= range.second; });
  return inside != negated;
}

/// The code points of `text`, '\' read as '/'.
HUBCACHE_DECL std::u32string pattern_text(std::string_view text) {
  std::u32string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    result += c == U'\\' ? U'/' : c;
  }
  return result;
}

/// What stands for the '-' of a range once those that are plain characters are told apart: no code point.
inline constexpr char32_t range_mark = 0x110000;

/// The text between brackets with its ranges marked and its empty ranges removed. This is Python's algorithm
/// step by step: which '-' makes a range, and what an empty one takes with it, has no simpler description.
HUBCACHE_DECL std::u32string mark_ranges(std::u32string_view set) {
  std::vector<std::u32string> chunks;
  std::size_t begin = 0;
  std::size_t from = set.starts_with(U'!') ? 2 : 1;
  for (auto at = set.find(U'-', from); at != set.npos; at = set.find(U'-', from)) {
    chunks.emplace_back(set.substr(begin, at - begin));
    begin = at + 1;
    from = at + 3;
  }
  if (begin < set.size()) {
    chunks.emplace_back(set.substr(begin));
  } else {
    chunks.back() += U'-';
  }
  for (std::size_t k = chunks.size() - 1; k > 0; --k) {
    if (chunks[k - 1].back() <= chunks[k].front()) continue;
    chunks[k - 1].pop_back();
    chunks[k - 1].append(chunks[k], 1);
    chunks.erase(chunks.begin() + static_cast<std::ptrdiff_t>(k));
  }
  std::u32string result = std::move(chunks.front());
  for (std::size_t k = 1; k < chunks.size(); ++k) (result += range_mark) += chunks[k];
  return result;
}

/// The step that `[set]` means. @pre set is not empty
HUBCACHE_DECL pattern_step set_step(std::u32string_view set) {
  const std::u32string marked = mark_ranges(set);
  pattern_step step;
  step.negated = marked.starts_with(U'!');
  for (std::size_t i = step.negated ? 1 : 0; i < marked.size(); ++i) {
    const char32_t first = marked[i] == range_mark ? U'-' : marked[i];
    const bool range = i + 2 < marked.size() && marked[i + 1] == range_mark;
    step.ranges.emplace_back(first, range ? marked[i + 2] : first);
    if (range) i += 2;
  }
  return step;
}

HUBCACHE_DECL std::vector<pattern_step> compile_pattern(std::string_view pattern) {
  std::u32string text = pattern_text(pattern);
  if (text.ends_with(U'/')) text += U'*';
  std::vector<pattern_step> steps;
  for (std::size_t i = 0; i < text.size(); ++i) {
    pattern_step step;
    if (text[i] == U'*') {
      step.run = true;
    } else if (text[i] == U'?') {
      step.negated = true;
    } else {
      step.ranges.emplace_back(text[i], text[i]);
    }
    if (text[i] == U'[') {
      std::size_t from = i + 1;
      if (from < text.size() && text[from] == U'!') ++from;
      if (const auto end = text.find(U']', from + 1); end != text.npos) {  // a ']' at `from` is a member
        step = set_step(std::u32string_view(text).substr(i + 1, end - i - 1));
        i = end;
      }
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

/// Greedy, with one point to come back to: the last run, which then takes one character more.
HUBCACHE_DECL bool matches_steps(const std::vector<pattern_step>& steps, std::u32string_view path) {
  std::size_t step = 0;
  std::size_t after_run = 0;  // 0: no run yet
  std::size_t run_end = 0;
  for (std::size_t at = 0; at < path.size();) {
    if (step < steps.size() && steps[step].run) {
      after_run = ++step;
      run_end = at;
    } else if (step < steps.size() && steps[step].accepts(path[at])) {
      ++step;
      ++at;
    } else if (after_run != 0) {
      step = after_run;
      at = ++run_end;
    } else {
      return false;
    }
  }
  return std::all_of(steps.begin() + static_cast<std::ptrdiff_t>(step), steps.end(),
                     [](const pattern_step& s) { return s.run; });
}

}  // namespace detail

HUBCACHE_DECL path_pattern::path_pattern(std::string_view text) : steps_(detail::compile_pattern(text)) {}

HUBCACHE_DECL bool path_pattern::operator()(std::string_view path) const {
  return detail::matches_steps(steps_, detail::pattern_text(path));
}

HUBCACHE_DECL bool matches(std::string_view pattern, std::string_view path) {
  return path_pattern(pattern)(path);
}

HUBCACHE_DECL bool selection::operator()(std::string_view path) const {
  const auto hit = [path](const std::string& pattern) { return matches(pattern, path); };
  if (allow && std::none_of(allow->begin(), allow->end(), hit)) return false;
  return std::none_of(ignore.begin(), ignore.end(), hit);
}

}  // namespace hubcache::inline v0_1
