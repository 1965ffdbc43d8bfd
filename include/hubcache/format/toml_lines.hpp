#pragma once
/// @file
/// The lines of TOML that hubcache's own files are made of. Of all that TOML knows they need little, and toml++ 3.3 is
/// not safe with the rest: it asserts that names follow brackets and values commas, and relies on ASCII outside of
/// strings. So a text is checked line by line before toml++ sees it.

#include <hubcache/config.hpp>

#include <cstddef>
#include <string_view>

namespace hubcache::inline v0_1::detail {

/// The number, from 1, of the first line of `text` that is none of these, each with or without a comment: nothing,
/// [[NAME]], [NAME], [NAME.NAME], NAME = "text" or NAME = word. NAME is [A-Za-z0-9_-]+, in quotes also with dots.
/// 0 if there is none. O(n).
[[nodiscard]] HUBCACHE_DECL std::size_t first_odd_line(std::string_view text) noexcept;

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/toml_lines.ipp>
#endif
