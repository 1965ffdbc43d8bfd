#pragma once
/// @file
/// A file of a view becomes its user's own, to be edited without an edit of the cache.

#include <hubcache/link/link_ref.hpp>

#include <optional>
#include <string>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// An entry of a view that may be edited.
struct edited_entry {
  edited_entry() = default;

  std::string path;               ///< Absolute.
  std::string source;             ///< The file whose content it got; empty if it was private before.
  std::optional<link_kind> link;  ///< How: a reflink or a copy; none if it was private before.
};
static_assert(!std::is_aggregate_v<edited_entry>);

/// Replaces the entry `path` of a snapshot (`snapshots/<commit>/...` of a Hub cache) or of a folder that was downloaded
/// into by a private file with the same content, writable to its owner and readable by no more users than before. At
/// once, by rename; the blob stays, and so do its other names. An entry that is such a file already is left alone. A
/// file in a snapshot of links is how an edited entry is recognised.
/// @param links makes the file, by reflink if it can, else by copy.
/// @throws error errc::invalid_argument if `path` is no entry of a view, errc::refused if it is a blob or leads
///         somewhere else than to a blob, errc::not_cached if its blob is missing, or a disk error
[[nodiscard]] HUBCACHE_DECL edited_entry make_private(const std::string& path, const link_ref& links);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/edit.ipp>
#endif
