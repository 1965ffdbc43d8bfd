#pragma once
/// @file
/// llama.cpp's own cache of single files, as its versions keep it that do not write a Hub cache (common/download.cpp,
/// common/arg.cpp there):
///
///     <owner>_<repo>_<path with '/' as '_'>          the file
///     <file>.etag, or <file>.json in older versions  the ETag that the server sent
///     manifest=<owner>=<repo>=<tag>.json             the Hub's answer to /v2/<owner>/<repo>/manifests/<tag>
///
/// The manifest names the sha256 of the first GGUF file and of its projector. The ETag comes from the CDN: where that
/// sends no hash of the content, it names nothing that is ever asked for.
/// Texts may hold any bytes.

#include <hubcache/digest.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// A file that a manifest names.
struct llama_file {
  llama_file() = default;
  /// Sets name and what.
  llama_file(std::string n, content w) : name(std::move(n)), what(w) {}

  std::string name;  ///< In the folder: no '/'.
  content what;      ///< By sha256.

  friend bool operator==(const llama_file&, const llama_file&) = default;
};
static_assert(!std::is_aggregate_v<llama_file>);

/// The files that the manifest `text`, whose own name is `name`, gives a sha256 and a size; none if it is no manifest.
[[nodiscard]] HUBCACHE_DECL std::vector<llama_file> parse_llama_manifest(std::string_view name,
                                                                         std::string_view text);

/// The sha256 that an .etag file names: its first line, quoted or not, if that is exactly 64 lower-case hex digits.
[[nodiscard]] HUBCACHE_DECL std::optional<digest> parse_llama_etag(std::string_view text) noexcept;
/// The same for the member "etag" of a .json file.
[[nodiscard]] HUBCACHE_DECL std::optional<digest> parse_llama_metadata(std::string_view text);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/llama_layout.ipp>
#endif
