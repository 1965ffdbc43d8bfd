#pragma once
/// @file
/// The Hub's URLs. An endpoint is the root of a Hub; it may lie below a path prefix
/// ("https://proxy.example/hf/"), its trailing slashes and its query do not matter.

#include <hubcache/repo.hpp>
#include <hubcache/url.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// `text` as one path segment: all but RFC 3986's unreserved characters, '/' included, becomes %XX.
[[nodiscard]] HUBCACHE_DECL std::string encode_segment(std::string_view text);
/// `path` with its '/' kept, all else as in `encode_segment`.
[[nodiscard]] HUBCACHE_DECL std::string encode_path(std::string_view path);

/// What the Hub says of a repo at `revision`; without one, at its default branch.
[[nodiscard]] HUBCACHE_DECL url info_url(const url& endpoint, const repo& of,
                                         std::optional<std::string_view> revision = std::nullopt);
/// First page of the whole tree of `revision`.
[[nodiscard]] HUBCACHE_DECL url tree_url(const url& endpoint, const repo& of, std::string_view revision);
/// What is known of files by name; they stand in the body of a POST.
[[nodiscard]] HUBCACHE_DECL url paths_info_url(const url& endpoint, const repo& of, std::string_view commit);
/// The content of a file. Pass a commit: a branch may move between two requests. @pre is_safe_path(path)
[[nodiscard]] HUBCACHE_DECL url resolve_url(const url& endpoint, const repo& of, std::string_view commit,
                                            std::string_view path);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_endpoint.ipp>
#endif
