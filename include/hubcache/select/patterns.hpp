#pragma once
/// @file
/// Which files of a repo are wanted, by the patterns of Python's `fnmatch.fnmatchcase` on whole paths, as
/// every Hub client reads them (facts: hub-protocol 7):
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
#include <vector>

namespace hubcache::inline v0_1 {

/// Whether `pattern` matches the whole of `path`. O(pattern * path) at worst, linear as a rule.
[[nodiscard]] HUBCACHE_DECL bool matches(std::string_view pattern, std::string_view path);

/// The files that match an `allow` pattern and no `ignore` pattern.
class selection {
 public:
  selection() = default;

  std::optional<std::vector<std::string>> allow;  ///< None allows all; an empty list allows nothing.
  std::vector<std::string> ignore;

  /// Whether `path` is selected.
  [[nodiscard]] HUBCACHE_DECL bool operator()(std::string_view path) const;
};
static_assert(!std::is_aggregate_v<selection>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_patterns.ipp>
#endif
