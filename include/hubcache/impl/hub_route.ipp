#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hub/route.hpp>

#include <string>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL route start_route(const url& target, const url& endpoint, bool has_token,
                                bool token_over_http) {
  route result;
  result.where = target;
  result.with_token = has_token && target.same_origin(endpoint);
  if (result.with_token && !target.secure() && !target.is_loopback() && !token_over_http) {
    throw error(errc::refused,
                "the token would travel unencrypted to " + target.origin() +
                    "; use an https endpoint, or allow tokens over http",
                error_context{}.with_url(target.redacted()));
  }
  return result;
}

HUBCACHE_DECL route follow(const route& from, std::string_view location, const url& endpoint) {
  const auto refused = [&from](std::string why) {
    return error(errc::refused, std::move(why), error_context{}.with_url(from.where.redacted()));
  };
  if (from.hops >= max_redirects) {
    throw refused("more than " + std::to_string(max_redirects) + " redirects in a row");
  }
  const auto next = from.where.resolve(location);
  if (!next) throw refused("redirected to something that is no http(s) URL");
  if (from.where.secure() && !next->secure()) {
    throw refused("redirected from https to plain http at " + next->origin());
  }
  route result;
  result.where = *next;
  result.with_token = from.with_token && next->same_origin(endpoint);
  result.hops = from.hops + 1;
  return result;
}

}  // namespace hubcache::inline v0_1
