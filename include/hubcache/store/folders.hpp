#pragma once
/// @file
/// The folders that the user gave to `hubcache index add`: `<state_dir>/folders`, one absolute path a line.

#include <hubcache/config.hpp>

#include <string>
#include <vector>

namespace hubcache::inline v0_1 {

/// The folders added so far, oldest first; lines that are no absolute path do not count. A missing file is an empty
/// list. @throws error a disk error
[[nodiscard]] HUBCACHE_DECL std::vector<std::string> read_folders(const std::string& state_dir);

/// Adds `folder` (absolute; it need not exist). Returns whether it was missing. Atomic, and safe beside other
/// processes, which it waits for up to 10 s.
/// @throws error errc::invalid_argument for a relative path or one with a line break, or a disk error.
HUBCACHE_DECL bool add_folder(const std::string& state_dir, const std::string& folder);

/// Takes `folder` out; returns whether it was there. As add_folder().
HUBCACHE_DECL bool remove_folder(const std::string& state_dir, const std::string& folder);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/folders.ipp>
#endif
