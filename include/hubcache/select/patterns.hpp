#pragma once
/// @file
/// Which files of a repo are wanted, by the patterns of Python's `fnmatch.fnmatchcase` on whole paths, as
/// every Hub client reads them:
///
/// | pattern  | matches                                                                                |
/// |----------|----------------------------------------------------------------------------------------|
/// | `*`      | any characters, none and '/' included                                                  |
/// | `?`      | any one character, '/' included                                                        |
/// | `[a-z_]` | one character of the set; of the others with `[!...]`; `]` first stands for itself     |
/// | else     | itself; also a `[` that nothing closes                                                 |
///
/// Case matters, a leading dot is nothing special, '\' counts as '/' in pattern and path, and a pattern that
/// ends in
/// '/' means everything below that folder. Characters are code points.

#include <hubcache/config.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// One step of a pattern: a run of any characters, or one character in (or, negated, outside) the ranges.
struct pattern_step {
  pattern_step() = default;

  bool run = false;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;

  [[nodiscard]] HUBCACHE_DECL bool accepts(char32_t c) const noexcept;
};
static_assert(!std::is_aggregate_v<pattern_step>);

}  // namespace detail

/// A pattern to match with many paths.
class path_pattern {
 public:
  /// O(pattern)
  HUBCACHE_DECL explicit path_pattern(std::string_view text);

  /// Whether it matches the whole of `path`. O(pattern * path) at worst, linear as a rule.
  [[nodiscard]] HUBCACHE_DECL bool operator()(std::string_view path) const;

 private:
  std::vector<detail::pattern_step> steps_;
};

/// Whether `pattern` matches the whole of `path`: path_pattern(pattern)(path).
[[nodiscard]] HUBCACHE_DECL bool matches(std::string_view pattern, std::string_view path);

/// The files that match an `allow` pattern and no `ignore` pattern.
class selection {
 public:
  selection() = default;

  std::optional<std::vector<std::string>> allow;  ///< None allows all; an empty list allows nothing.
  std::vector<std::string> ignore;                ///< Of these, none is selected.

  /// Whether `path` is selected.
  [[nodiscard]] HUBCACHE_DECL bool operator()(std::string_view path) const;
};
static_assert(!std::is_aggregate_v<selection>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_patterns.ipp>
#endif
