#pragma once
/// @file
/// Which proxy, if any, serves a target. Pure.

#include <hubcache/config.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/url.hpp>

#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Whether `no_proxy` (the value of NO_PROXY) says that `target` is reached directly.
///
/// Read as curl does: entries separated by commas or blanks, case ignored; "*" is every host; a name is that
/// host and every host below it, with or without a leading dot; an address is that address as text.
/// "host:port" (IPv6 in brackets) is that port only. O(|no_proxy|).
[[nodiscard]] HUBCACHE_DECL bool bypasses_proxy(std::string_view no_proxy, const url& target) noexcept;

/// The proxy for `target`, a member of `settings`; null where it is reached directly: where no_proxy says so,
/// and for loopback, unless the proxy lies there as well. Another machine would take loopback for its own, and
/// see what may leave this one only encrypted.
[[nodiscard]] HUBCACHE_DECL const url* proxy_for(const proxy_settings& settings, const url& target) noexcept;

/// The value of a Proxy-Authorization field for "user:password" (RFC 7617); empty without credentials.
[[nodiscard]] HUBCACHE_DECL std::string basic_authorization(const secret& credentials);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_proxy.ipp>
#endif
