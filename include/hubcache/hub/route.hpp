#pragma once
/// @file
/// Where a request may go, and with the token or without: the token belongs to the endpoint's origin alone,
/// and redirects lead the way only along these rules.

#include <hubcache/url.hpp>

#include <string_view>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// Redirects followed for one request.
inline constexpr int max_redirects = 10;

/// The next request of a chain of redirects.
struct route {
  route() = default;

  url where;                ///< Of the request to make.
  bool with_token = false;  ///< Send the token there.
  int hops = 0;             ///< Redirects followed so far.
};
static_assert(!std::is_aggregate_v<route>);

/// The first request for `target`. It carries the token if there is one and `target` lies at the endpoint's
/// origin.
/// @throws error errc::refused if the token would go over plain http to another machine and `token_over_http`
///         does not allow it: leaving it out silently would ask as somebody else.
[[nodiscard]] HUBCACHE_DECL route start_route(const url& target, const url& endpoint, bool has_token,
                                              bool token_over_http);

/// The request after a redirect of `from` to `location` (absolute or relative, as the server wrote it). The
/// token stays on it only while every hop stayed at the endpoint's origin; once it left, coming back does not
/// restore it.
/// @throws error errc::refused for more than `max_redirects` hops, a step from https to http, and a location
/// that is
///         no http(s) URL.
[[nodiscard]] HUBCACHE_DECL route follow(const route& from, std::string_view location, const url& endpoint);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_route.ipp>
#endif
