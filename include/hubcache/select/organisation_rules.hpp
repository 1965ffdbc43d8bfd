#pragma once
/// @file
/// What an organisation requires (requirement.hpp), as far as names, listings and the Hub's scans tell. What only the
/// bytes tell is in store/inspection.hpp.

#include <hubcache/listing.hpp>

#include <span>

namespace hubcache::inline v0_1 {

/// Refuses files that are pickles by their names (pickle.hpp).
/// @throws error errc::disallowed that names the files and the patterns that leave them out.
HUBCACHE_DECL void require_no_pickle_names(std::span<const file_entry* const> files);

/// Refuses files that the Hub names by a git sha1 alone: those that are not stored by LFS.
/// @throws error errc::disallowed that names them.
HUBCACHE_DECL void require_sha256(std::span<const file_entry* const> files);

/// Refuses files whose status is not "safe": "unsafe", "suspicious", "queued", "unscanned", "error", any other, none.
/// @throws error errc::disallowed that names them, each with its status.
HUBCACHE_DECL void require_safe(std::span<const file_entry* const> files, const scan_statuses& found);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_organisation_rules.ipp>
#endif
