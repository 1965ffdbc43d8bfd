#pragma once
/// @file
/// The cache mapping: the user's own table sha256 -> path, given in and got back complete.

#include <hubcache/digest.hpp>

#include <map>
#include <string>

namespace hubcache::inline v0_1 {

/// sha256 -> absolute path of a file with that content. What a caller passes in is a claim: it is checked before
/// use, and linked by the rules for mutable stores (reflink or copy; hard link on request).
using cache_mapping = std::map<digest, std::string>;

/// Reads a mapping file, a JSON object {"<64 lower-case hex>": "<path>"}. Relative paths count from the folder
/// of the file (not of a symlink to it). A missing file is an empty mapping.
/// @throws error errc::invalid_mapping if it is anything else; the file is not touched.
[[nodiscard]] HUBCACHE_DECL cache_mapping read_mapping(const std::string& path);

/// The mapping as JSON text, sorted by digest, one entry a line.
[[nodiscard]] HUBCACHE_DECL std::string format_mapping(const cache_mapping& mapping);

/// Merges into the mapping file under a lock and renames it into place: what the file holds by now stays, unless
/// `dropped` names its digest and path, or `entries` has the digest and the file's own path is gone.
/// Blocking; waits for other writers up to 10 s.
/// @throws error errc::invalid_mapping, or a disk error.
HUBCACHE_DECL void merge_mapping(const std::string& path, const cache_mapping& entries,
                                 const cache_mapping& dropped);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/mapping.ipp>
#endif
