#pragma once
/// @file
/// The Hub's JSON to values and back. Texts come from the network or from
/// files that other programs write: every function is safe with any bytes, at most 256 MiB of them, in
/// O(size).

#include <hubcache/listing.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// Reads the answer to `info_url`.
/// @throws error errc::bad_response if it is no repo info with a valid id and commit.
[[nodiscard]] HUBCACHE_DECL repo_info parse_repo_info(std::string_view text);

/// Reads one page of the answer to `tree_url` and appends its files to `out`, in the order of the page.
/// Folders are left out. Where the Hub masks an LFS oid the entry is `masked`; a masked xet hash is left out.
/// @throws error errc::bad_response for another shape, errc::refused for a path that is not is_safe_path().
/// `out`
///         then holds the entries before the offending one.
HUBCACHE_DECL void parse_tree_page(std::string_view text, std::vector<file_entry>& out);

/// Reads the answer to `paths_info_url` with "expand" and adds what the Hub's scans say of each file; of one without a
/// status, an empty text.
/// @throws error errc::bad_response for another shape.
HUBCACHE_DECL void parse_scans(std::string_view text, scan_statuses& into);

/// The listing of `commit`, from all its pages: `entries` as the Hub reported them. O(n log n).
/// @throws error errc::bad_response if a path comes twice, or is a folder of another.
[[nodiscard]] HUBCACHE_DECL listing finish_listing(std::string commit, std::vector<file_entry> entries);

/// Reads `trees/<commit>.json`, as huggingface_hub or `format_tree_file` wrote it. None if it is malformed in
/// any way, or of another format version: then the Hub has to be asked.
[[nodiscard]] HUBCACHE_DECL std::optional<listing> parse_tree_file(std::string_view text, std::string commit);

/// The bytes of `trees/<commit>.json`, exactly as huggingface_hub writes them, but with the files in the order in which the
/// Hub reported them, where huggingface_hub sorts them by path.
/// @throws error errc::invalid_argument if `of` is masked: such a file would poison every client of the
/// cache.
[[nodiscard]] HUBCACHE_DECL std::string format_tree_file(const listing& of);

/// What the body of a failed answer says: the messages of the Hub's JSON errors joined by "; ", else the text
/// itself; nothing for a page of markup. printable(), at most 300 code points.
[[nodiscard]] HUBCACHE_DECL std::string parse_error_body(std::string_view text);

/// Reads an object whose values are all strings (a cache mapping), in its order. None for anything else, and
/// if a key comes twice.
[[nodiscard]] HUBCACHE_DECL std::optional<std::vector<std::pair<std::string, std::string>>> parse_string_map(
    std::string_view text);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_parse.ipp>
#endif
