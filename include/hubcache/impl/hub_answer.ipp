#pragma once

#include <hubcache/hub/answer.hpp>
#include <hubcache/hub/parse.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Removes and returns what of `text` comes before the first of `marks`.
HUBCACHE_DECL std::string_view take_until(std::string_view& text, std::string_view marks) noexcept {
  const auto end = std::min(text.find_first_of(marks), text.size());
  const auto taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

HUBCACHE_DECL void skip_any(std::string_view& text, std::string_view marks) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(marks), text.size()));
}

/// Removes and returns `name=value` or `name="value"`; escapes in a quoted value stay as they are.
HUBCACHE_DECL std::pair<std::string_view, std::string_view> take_parameter(std::string_view& text) noexcept {
  skip_any(text, " \t");
  const auto name = take_until(text, "=;, \t");
  skip_any(text, " \t");
  if (!text.starts_with('=')) return {name, {}};
  text.remove_prefix(1);
  skip_any(text, " \t");
  if (!text.starts_with('"')) return {name, take_until(text, ";, \t")};
  text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  end = std::min(end, text.size());
  const auto value = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return {name, value};
}

/// Whether `word` is one of the blank-separated words of `text`.
HUBCACHE_DECL bool has_word(std::string_view text, std::string_view word) noexcept {
  for (skip_any(text, " \t"); !text.empty(); skip_any(text, " \t")) {
    if (equal_without_case(take_until(text, " \t"), word)) return true;
  }
  return false;
}

/// The reference with relation "next" in one Link header; none from where it stops being well-formed.
HUBCACHE_DECL std::optional<std::string_view> next_link(std::string_view text) noexcept {
  for (skip_any(text, " \t,"); text.starts_with('<'); skip_any(text, " \t,")) {
    text.remove_prefix(1);
    const auto reference = take_until(text, ">");
    if (text.empty()) return std::nullopt;
    text.remove_prefix(1);
    std::optional<std::string_view> relation;
    for (skip_any(text, " \t"); text.starts_with(';'); skip_any(text, " \t")) {
      text.remove_prefix(1);
      const auto [name, value] = take_parameter(text);
      if (!relation && equal_without_case(name, "rel")) relation = value;
    }
    if (relation && has_word(*relation, "next")) return reference;
    if (!text.starts_with(',')) return std::nullopt;
  }
  return std::nullopt;
}

/// Reads digits; a number past any sensible limit counts as 10^12.
HUBCACHE_DECL std::optional<std::uint64_t> read_count(std::string_view digits) noexcept {
  constexpr std::uint64_t limit = 1'000'000'000'000;
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || failure == std::errc::invalid_argument) return std::nullopt;
  return failure == std::errc{} ? std::min(value, limit) : limit;
}

/// The number `key` of the first item of a RateLimit header: "name";r=1;t=2
HUBCACHE_DECL std::optional<std::uint64_t> limit_parameter(std::string_view item,
                                                           std::string_view key) noexcept {
  item = item.substr(0, item.find(','));
  while (!item.empty()) {
    take_until(item, ";");
    if (item.empty()) break;
    item.remove_prefix(1);
    const auto [name, value] = take_parameter(item);
    if (name == key) return read_count(value);
  }
  return std::nullopt;
}

/// Reads the one date format that HTTP still writes: "Sun, 06 Nov 1994 08:49:37 GMT".
HUBCACHE_DECL std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept {
  using namespace std::chrono;
  static constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static constexpr std::string_view shape = "aaa, 00 aaa 0000 00:00:00 GMT";
  if (text.size() != shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : shape[i] != 'a' && shape[i] != text[i]) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t length) {
    return static_cast<int>(read_count(text.substr(at, length)).value_or(0));
  };
  const auto month_at = months.find(text.substr(8, 3));
  if (month_at == months.npos || month_at % 3 != 0) return std::nullopt;
  const year_month_day date(year(number(12, 4)), month(static_cast<unsigned>(month_at / 3 + 1)),
                            day(static_cast<unsigned>(number(5, 2))));
  const int h = number(17, 2), m = number(20, 2), s = number(23, 2);
  if (!date.ok() || h > 23 || m > 59 || s > 60) return std::nullopt;
  return sys_days(date) + hours(h) + minutes(m) + seconds(s);
}

/// Whether a bare 404 at `target` speaks of a file rather than of the repo.
HUBCACHE_DECL bool names_a_file(std::string_view target) noexcept {
  const auto api = target.find("/api/");
  return api == target.npos || target.find("/resolve/") < api ||
         target.substr(api).starts_with("/api/resolve-cache/");
}

HUBCACHE_DECL errc answer_errc(const response_head& head, const url& asked,
                               std::string_view message) noexcept {
  using code_reason = std::pair<std::string_view, errc>;
  static constexpr std::array codes{code_reason{"RevisionNotFound", errc::revision_not_found},
                                    code_reason{"EntryNotFound", errc::file_not_found},
                                    code_reason{"GatedRepo", errc::gated},
                                    code_reason{"RepoNotFound", errc::repo_not_found}};
  const auto code = head.headers.find("X-Error-Code").value_or("");
  for (const auto& [name, reason] : codes) {
    if (code == name) return reason;
  }
  if (message.find("Access to this resource is disabled.") != message.npos) return errc::forbidden;
  switch (head.status) {
    case 401:
      return errc::unauthorized;
    case 403:
      return errc::forbidden;
    case 404:
      return names_a_file(asked.target()) ? errc::file_not_found : errc::repo_not_found;
    case 408:
      return errc::server_failed;
    case 416:  // the content ends before the bytes that the listing promises
      return errc::size_mismatch;
    case 429:
      return errc::rate_limited;
    default:
      return head.status >= 500 ? errc::server_failed : errc::http_failed;
  }
}

/// `text` with the queries of the URLs in it left out: those that are signed let in whoever has them.
HUBCACHE_DECL std::string without_queries(std::string text) {
  for (auto at = text.find("://"); at != text.npos; at = text.find("://", at + 3)) {
    const auto end = std::min(text.find_first_of(" \"'<>", at), text.size());
    const auto query = text.find('?', at);
    if (query < end) text.erase(query, end - query);
  }
  return text;
}

/// What the server says went wrong, by header and body, each thing once.
HUBCACHE_DECL std::string answer_message(const http_response& answer) {
  std::string header =
      without_queries(printable(answer.head.headers.find("X-Error-Message").value_or(""), 300));
  std::string body = without_queries(parse_error_body(answer.body));
  if (body.find(header) != body.npos) return body;
  if (header.find(body) != header.npos) return header;
  return header + "; " + body;
}

}  // namespace detail

HUBCACHE_DECL std::optional<url> next_page(const header_list& headers, const url& current) {
  for (const auto& [name, value] : headers.fields()) {
    if (!equal_without_case(name, "Link")) continue;
    const auto reference = detail::next_link(value);
    if (!reference) continue;
    const auto next = current.resolve(*reference);
    const auto where = [&current] { return error_context{}.with_url(current.redacted()); };
    if (!next) throw error(errc::bad_response, "the Link to the next page is no http(s) URL", where());
    if (!next->same_origin(current)) {
      throw error(errc::refused, "the next page lies at another server, " + next->origin(), where());
    }
    return next;
  }
  return std::nullopt;
}

HUBCACHE_DECL error answer_error(const http_response& answer, const url& asked, const error_context& where) {
  error_context context = where;
  context.url = asked.redacted();
  context.http_status = answer.head.status;
  for (const std::string_view name : {"X-Request-Id", "X-Amzn-Trace-Id", "x-amz-cf-id"}) {
    if (!context.request_id.empty()) break;
    context.request_id = printable(answer.head.headers.find(name).value_or(""));
  }
  std::string message = detail::answer_message(answer);
  const errc reason = detail::answer_errc(answer.head, asked, message);
  if (message.find("Invalid credentials in Authorization header") != message.npos) {
    message.insert(0, "the token is invalid or expired: ");
  }
  return {reason, std::move(message), std::move(context)};
}

HUBCACHE_DECL std::optional<rate_limit> parse_rate_limit(const header_list& headers) {
  const auto text = headers.find("RateLimit").value_or("");
  const auto remaining = detail::limit_parameter(text, "r");
  const auto reset = detail::limit_parameter(text, "t");
  if (!remaining || !reset) return std::nullopt;
  std::string_view name = text.substr(0, text.find(';'));
  if (name.starts_with('"')) name.remove_prefix(1);
  name = name.substr(0, name.find('"'));

  rate_limit result;
  result.policy = printable(name);
  result.remaining = *remaining;
  result.reset = std::chrono::seconds(*reset);
  const auto policy = headers.find("RateLimit-Policy").value_or("");
  result.quota = detail::limit_parameter(policy, "q").value_or(0);
  result.window = std::chrono::seconds(detail::limit_parameter(policy, "w").value_or(0));
  return result;
}

HUBCACHE_DECL std::optional<std::chrono::seconds> retry_after(const header_list& headers,
                                                              std::chrono::system_clock::time_point now) {
  using std::chrono::seconds;
  constexpr seconds longest = std::chrono::hours(1);
  const auto limit = parse_rate_limit(headers);
  if (limit && limit->remaining == 0) return std::min(limit->reset + seconds(1), longest);
  const auto text = headers.find("Retry-After").value_or("");
  if (const auto count = detail::read_count(text)) return std::min(seconds(*count), longest);
  if (const auto date = detail::parse_http_date(text)) {
    return std::clamp(*date - std::chrono::floor<seconds>(now), seconds(0), longest);
  }
  return std::nullopt;
}

}  // namespace hubcache::inline v0_1
