#pragma once

#include <hubcache/text.hpp>
#include <hubcache/url.hpp>

#include <algorithm>
#include <charconv>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::size_t max_url_size = 16 * 1024;

/// Printable ASCII without space and fragment mark: the bytes a request line may carry.
HUBCACHE_DECL bool is_target_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

HUBCACHE_DECL bool is_host_text(std::string_view host, bool bracketed) noexcept {
  if (host.empty() || host.size() > 255) return false;
  if (bracketed && host.find(':') == host.npos) return false;
  return std::all_of(host.begin(), host.end(), [bracketed](char c) {
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (bracketed) return hex || c == ':' || c == '.';
    return hex || (c >= 'g' && c <= 'z') || c == '-' || c == '.' || c == '_';
  });
}

/// RFC 3986, 5.2.4: resolves "." and ".." segments of a path that starts with '/'.
HUBCACHE_DECL std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;
  for (std::string_view rest = path.substr(1);;) {
    const auto end = rest.find('/');
    const auto segment = rest.substr(0, end);
    const bool last = end == rest.npos;
    folder = segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segment != ".") {
      kept.push_back(segment);
    }
    if (last) break;
    rest.remove_prefix(end + 1);
  }
  std::string result;
  for (const auto segment : kept) result.append("/").append(segment);
  if (folder || result.empty()) result += '/';
  return result;
}

}  // namespace detail

HUBCACHE_DECL std::optional<url> url::parse(std::string_view text) {
  if (text.size() > detail::max_url_size) return std::nullopt;
  const auto colon = text.find("://");
  if (colon == text.npos) return std::nullopt;
  std::string scheme(text.substr(0, colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower_case);
  url result;
  if (scheme == "https") {
    result.secure_ = true;
    result.port_ = 443;
  } else if (scheme != "http") {
    return std::nullopt;
  }
  text.remove_prefix(colon + 3);

  const auto authority_end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, authority_end);
  text.remove_prefix(authority_end);
  text = text.substr(0, text.find('#'));

  const bool bracketed = authority.starts_with('[');
  const auto host_end = bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == authority.npos) return std::nullopt;
  const auto host = bracketed ? authority.substr(1, host_end - 1) : authority.substr(0, host_end);
  auto port = authority.substr(host_end + (bracketed ? 1 : 0));
  result.host_ = host;
  std::transform(result.host_.begin(), result.host_.end(), result.host_.begin(), lower_case);
  if (!detail::is_host_text(result.host_, bracketed)) return std::nullopt;
  if (!port.empty()) {
    if (port.front() != ':') return std::nullopt;
    port.remove_prefix(1);
    if (!port.empty()) {
      const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), result.port_);
      if (failure != std::errc{} || end != port.data() + port.size() || result.port_ == 0)
        return std::nullopt;
    }
  }
  if (!detail::is_target_text(text)) return std::nullopt;
  result.target_ = text.starts_with('/') ? std::string(text) : "/" + std::string(text);
  return result;
}

HUBCACHE_DECL std::optional<url> url::resolve(std::string_view reference) const {
  reference = reference.substr(0, reference.find('#'));
  if (reference.starts_with("//")) return parse(std::string(scheme()).append(":").append(reference));
  // A scheme is a letter and then letters, digits, '+', '-', '.' before the first ':'.
  const auto colon = reference.find(':');
  if (colon != reference.npos && colon < reference.find_first_of("/?")) return parse(reference);
  if (reference.size() > detail::max_url_size || !detail::is_target_text(reference)) return std::nullopt;
  if (reference.empty()) return *this;

  const std::string_view base = target_;
  const auto base_path = base.substr(0, base.find('?'));
  const auto query = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, query));
  if (path.empty()) {
    path = base_path;
  } else {
    if (path.front() != '/') path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
    path = detail::without_dot_segments(path);
  }
  url result = with_target(path.append(reference.substr(query)));
  if (result.text().size() > detail::max_url_size) return std::nullopt;
  return result;
}

HUBCACHE_DECL std::string url::authority() const {
  std::string result = host_.find(':') == host_.npos ? host_ : "[" + host_ + "]";
  if (port_ != (secure_ ? 443 : 80)) result.append(":").append(std::to_string(port_));
  return result;
}

HUBCACHE_DECL std::string url::origin() const {
  return std::string(scheme()).append("://").append(authority());
}

HUBCACHE_DECL std::string url::redacted() const {
  const auto query = target_.find('?');
  return origin() + target_.substr(0, query) + (query == target_.npos ? "" : "?...");
}

HUBCACHE_DECL url url::with_target(std::string target) const {
  url result = *this;
  result.target_ = std::move(target);
  return result;
}

HUBCACHE_DECL bool url::is_loopback() const noexcept {
  if (host_ == "localhost" || host_ == "::1") return true;
  if (!host_.starts_with("127.")) return false;
  // All four numbers must be sound: what is no address is a name, which the resolver may find anywhere.
  int numbers = 0;
  for (std::string_view rest = host_;; ++numbers) {
    const auto dot = std::min(rest.find('.'), rest.size());
    std::uint8_t number = 0;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + dot, number);
    if (failure != std::errc{} || end != rest.data() + dot) return false;
    if (dot == rest.size()) return numbers == 3;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace hubcache::inline v0_1
