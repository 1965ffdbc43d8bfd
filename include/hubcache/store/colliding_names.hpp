#pragma once
/// @file
/// Names that are two for a repo and one for a file system: some ignore case (vfat, APFS, ext4 with casefold), some the
/// Unicode form of what they are given.

#include <hubcache/config.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// Two of `paths` (sorted, each once, safe by is_safe_path()) that would be one file in `folder`; none if there are none,
/// and where it cannot be tried. The file system itself is asked, with empty files in a folder of their own there that is
/// gone afterwards; of names that differ by more than ASCII case and are ASCII, nobody is. Blocking; O(n log n).
/// @param base `folder` or above it: what is missing in between is made, and no symlink there is followed.
[[nodiscard]] HUBCACHE_DECL std::optional<std::pair<std::string, std::string>> colliding_names(
    const std::string& base, const std::string& folder, const std::vector<std::string>& paths);

namespace detail {

/// The first two of `paths` that are one file in a trial in `folder`, which colliding_names() would make.
[[nodiscard]] HUBCACHE_DECL std::optional<std::pair<std::string, std::string>> try_names(
    const std::string& base, const std::string& folder, const std::vector<std::string>& paths);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/colliding_names.ipp>
#endif
