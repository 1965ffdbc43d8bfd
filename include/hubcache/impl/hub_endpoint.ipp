#pragma once

#include <hubcache/hub/endpoint.hpp>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::string percent_encoded(std::string_view text, std::string_view kept) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alphanumeric || kept.find(c) != kept.npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result.append(1, '%').append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    }
  }
  return result;
}

/// The endpoint's path without trailing slashes: "" or "/prefix".
HUBCACHE_DECL std::string endpoint_root(const url& endpoint) {
  std::string root = endpoint.target().substr(0, endpoint.target().find('?'));
  while (root.ends_with('/')) root.pop_back();
  return root;
}

/// "/api/models/owner/name" below the endpoint.
HUBCACHE_DECL std::string api_root(const url& endpoint, const repo& of) {
  return endpoint_root(endpoint).append("/api/").append(to_string(of.type())).append("s/").append(of.id());
}

}  // namespace detail

HUBCACHE_DECL std::string encode_segment(std::string_view text) {
  return detail::percent_encoded(text, "-_.~");
}
HUBCACHE_DECL std::string encode_path(std::string_view path) {
  return detail::percent_encoded(path, "-_.~/");
}

HUBCACHE_DECL url info_url(const url& endpoint, const repo& of, std::optional<std::string_view> revision) {
  std::string target = detail::api_root(endpoint, of);
  if (revision) target.append("/revision/").append(encode_segment(*revision));
  return endpoint.with_target(std::move(target));
}

HUBCACHE_DECL url tree_url(const url& endpoint, const repo& of, std::string_view revision) {
  return endpoint.with_target(detail::api_root(endpoint, of)
                                  .append("/tree/")
                                  .append(encode_segment(revision))
                                  .append("?recursive=true&expand=false"));
}

HUBCACHE_DECL url paths_info_url(const url& endpoint, const repo& of, std::string_view commit) {
  return endpoint.with_target(
      detail::api_root(endpoint, of).append("/paths-info/").append(encode_segment(commit)));
}

HUBCACHE_DECL url resolve_url(const url& endpoint, const repo& of, std::string_view commit,
                              std::string_view path) {
  std::string target = detail::endpoint_root(endpoint) + '/';
  if (of.type() != repo_type::model) target.append(to_string(of.type())).append("s/");
  target.append(of.id())
      .append("/resolve/")
      .append(encode_segment(commit))
      .append("/")
      .append(encode_path(path));
  return endpoint.with_target(std::move(target));
}

}  // namespace hubcache::inline v0_1
