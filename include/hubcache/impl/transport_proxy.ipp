#pragma once

#include <hubcache/text.hpp>
#include <hubcache/transport/proxy.hpp>

#include <algorithm>
#include <charconv>

namespace hubcache::inline v0_1 {

namespace detail {

/// Takes ":port" off the end of `entry`. False if the entry is for another port, or malformed.
HUBCACHE_DECL bool strip_port(std::string_view& entry, std::uint16_t wanted) noexcept {
  const bool bracketed = entry.starts_with('[');
  const auto close = bracketed ? entry.find(']') : std::string_view::npos;
  if (bracketed && close == entry.npos) return false;
  auto rest = bracketed ? entry.substr(close + 1) : std::string_view{};
  if (bracketed) {
    entry = entry.substr(1, close - 1);
  } else if (const auto colon = entry.find(':'); colon != entry.npos && colon == entry.rfind(':')) {
    rest = entry.substr(colon);
    entry = entry.substr(0, colon);
  }
  if (rest.empty()) return true;
  std::uint16_t port = 0;
  const auto end = rest.data() + rest.size();
  const auto [stop, failure] = std::from_chars(rest.data() + 1, end, port);
  return rest.front() == ':' && failure == std::errc{} && stop == end && port == wanted;
}

/// Whether `entry` (any case) is `host` (lower case) or a domain above it.
HUBCACHE_DECL bool covers_host(std::string_view entry, std::string_view host) noexcept {
  const bool address = host.find(':') != host.npos || host.find_first_not_of("0123456789.") == host.npos;
  if (!address) {
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.ends_with('.')) entry.remove_suffix(1);
    if (host.ends_with('.')) host.remove_suffix(1);
  }
  if (entry.empty() || entry.size() > host.size()) return false;
  const auto above = host.size() - entry.size();
  if (above != 0 && (address || host[above - 1] != '.')) return false;
  return equal_without_case(entry, host.substr(above));
}

}  // namespace detail

HUBCACHE_DECL bool bypasses_proxy(std::string_view no_proxy, const url& target) noexcept {
  constexpr std::string_view separators = ", \t";
  for (auto first = no_proxy.find_first_not_of(separators); first != no_proxy.npos;
       first = no_proxy.find_first_not_of(separators)) {
    no_proxy.remove_prefix(first);
    auto entry = no_proxy.substr(0, no_proxy.find_first_of(separators));
    no_proxy.remove_prefix(entry.size());
    if (entry == "*") return true;
    if (detail::strip_port(entry, target.port()) && detail::covers_host(entry, target.host())) return true;
  }
  return false;
}

HUBCACHE_DECL const url* proxy_for(const proxy_settings& settings, const url& target) noexcept {
  const auto& proxy = target.secure() ? settings.https : settings.http;
  if (!proxy || bypasses_proxy(settings.no_proxy, target)) return nullptr;
  return target.is_loopback() && !proxy->is_loopback() ? nullptr : &*proxy;
}

HUBCACHE_DECL std::string basic_authorization(const secret& credentials) {
  if (credentials.empty()) return {};
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string_view text = credentials.reveal();
  std::string result = "Basic ";
  for (std::size_t at = 0; at < text.size(); at += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (at + k < text.size() ? static_cast<unsigned char>(text[at + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      result += at + k <= text.size() ? alphabet[word >> (18 - 6 * k) & 63] : '=';
  }
  return result;
}

}  // namespace hubcache::inline v0_1
