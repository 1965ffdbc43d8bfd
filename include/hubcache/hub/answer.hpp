#pragma once
/// @file
/// Reading what the Hub's answers say outside their JSON: pages, failures, rate limits, etags.

#include <hubcache/error.hpp>
#include <hubcache/http_message.hpp>
#include <hubcache/url.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// The next page that an answer to `current` names: Link with rel="next" (RFC 8288). None on the last page.
/// @throws error errc::refused if it lies at another origin, errc::bad_response if it is no URL.
[[nodiscard]] HUBCACHE_DECL std::optional<url> next_page(const header_list& headers, const url& current);

/// The failure that an answer with status >= 400 to a request for `asked` means, with the server's own words, the queries
/// of URLs left out. URL, status and request id are added to `where`.
[[nodiscard]] HUBCACHE_DECL error answer_error(const http_response& answer, const url& asked,
                                               const error_context& where);

/// What is left of the current window, by the RateLimit and RateLimit-Policy headers.
struct rate_limit {
  rate_limit() = default;

  std::string policy;              ///< As the server names it: "api", "resolvers", ...
  std::uint64_t remaining = 0;     ///< Requests left in the window.
  std::chrono::seconds reset{0};   ///< Until the window ends.
  std::uint64_t quota = 0;         ///< Requests per window; 0 if not said.
  std::chrono::seconds window{0};  ///< Its length; 0 if not said.

  friend bool operator==(const rate_limit&, const rate_limit&) = default;
};
static_assert(!std::is_aggregate_v<rate_limit>);

/// None without a well-formed RateLimit header. Of several limits the first counts.
[[nodiscard]] HUBCACHE_DECL std::optional<rate_limit> parse_rate_limit(const header_list& headers);

/// How long the server asks to wait before the next request: until the window ends if nothing is left of it,
/// else Retry-After (seconds or an HTTP date, compared with `now`). At most one hour. None if it does not
/// ask.
[[nodiscard]] HUBCACHE_DECL std::optional<std::chrono::seconds> retry_after(
    const header_list& headers, std::chrono::system_clock::time_point now);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_answer.ipp>
#endif
