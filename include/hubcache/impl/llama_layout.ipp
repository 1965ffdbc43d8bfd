#pragma once

#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/store/llama_layout.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

/// The member `key` ("ggufFile" or "mmprojFile") of a manifest; `prefix` begins the file's name in the cache.
HUBCACHE_DECL std::optional<llama_file> llama_manifest_file(const simdjson::dom::element& manifest,
                                                            std::string_view key, const std::string& prefix) {
  const auto file = json_present(manifest, key);
  const auto path = file ? json_member<std::string_view>(*file, "rfilename") : std::nullopt;
  const auto lfs = file ? json_present(*file, "lfs") : std::nullopt;
  if (!path || !lfs || path->empty() || path->find('\0') != path->npos) return std::nullopt;
  const auto sha256 = json_digest(*lfs, "sha256", digest_algorithm::sha256);
  const auto size = json_size(*lfs, "size");
  if (!sha256 || !size) return std::nullopt;
  auto name = prefix + std::string(*path);
  std::replace(name.begin(), name.end(), '/', '_');
  return llama_file(std::move(name), {*sha256, *size});
}

}  // namespace detail

HUBCACHE_DECL std::vector<llama_file> parse_llama_manifest(std::string_view name, std::string_view text) {
  constexpr std::string_view begin = "manifest=";
  if (!name.starts_with(begin) || name.find_first_of(std::string_view("/\0", 2)) != name.npos) return {};
  const auto owner = name.substr(begin.size(), name.find('=', begin.size()) - begin.size());
  auto rest = name.substr(std::min(name.size(), begin.size() + owner.size() + 1));
  const auto repo = rest.substr(0, rest.find('='));
  if (owner.empty() || repo.empty() || repo.size() == rest.size()) return {};
  detail::json_document manifest;
  if (!manifest.read(text)) return {};
  const auto prefix = std::string(owner).append("_").append(repo).append("_");
  std::vector<llama_file> result;
  for (const std::string_view key : {"ggufFile", "mmprojFile"}) {
    if (auto file = detail::llama_manifest_file(manifest.root(), key, prefix)) {
      result.push_back(std::move(*file));
    }
  }
  return result;
}

HUBCACHE_DECL std::optional<digest> parse_llama_etag(std::string_view text) noexcept {
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() == 66 && text.front() == '"' && text.back() == '"') text = text.substr(1, 64);
  return text.size() == 64 ? digest::parse(text) : std::nullopt;
}

HUBCACHE_DECL std::optional<digest> parse_llama_metadata(std::string_view text) {
  detail::json_document metadata;
  if (!metadata.read(text)) return std::nullopt;
  const auto etag = detail::json_member<std::string_view>(metadata.root(), "etag");
  return etag ? parse_llama_etag(*etag) : std::nullopt;
}

}  // namespace hubcache::inline v0_1
