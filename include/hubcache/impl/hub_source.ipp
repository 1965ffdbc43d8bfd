#pragma once

#include <hubcache/hub/answer.hpp>
#include <hubcache/hub/endpoint.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/hub/parse.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/source/pause.hpp>
#include <hubcache/source/retry.hpp>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::size_t metadata_limit = std::size_t{256}
                                              << 20U;  // a listing of a million files and more
inline constexpr int max_tree_pages = 20'000;

/// Lets the final answer's body through to `target`, and notes where it comes
/// from; bodies of redirects and errors are kept.
class final_answer_sink final : public body_sink {
 public:
  /// @param to where the present request goes
  final_answer_sink(body_sink& target, const route& to, found_route& way)
      : target_(target), to_(to), way_(way) {}
  [[nodiscard]] verdict begin(const response_head& head) override {
    if (head.status >= 300) return verdict::keep;
    way_ = to_;
    return target_.begin(head);
  }
  [[nodiscard]] asio::awaitable<std::span<std::byte>> acquire() override { return target_.acquire(); }
  void commit(std::size_t n) override { target_.commit(n); }

 private:
  body_sink& target_;
  const route& to_;
  found_route& way_;
};

HUBCACHE_DECL bool is_redirect(const http_response& answer) noexcept {
  switch (answer.head.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return answer.head.headers.find("Location").has_value();
    default:
      return false;
  }
}

/// Takes the token out of what a server says of a failure: some repeat what they were sent.
HUBCACHE_DECL void conceal(http_response& failed, const secret& token) {
  const auto without = [&token](std::string text) {
    for (auto at = text.find(token.reveal()); at != text.npos; at = text.find(token.reveal(), at + 3)) {
      text.replace(at, token.reveal().size(), "***");
    }
    return text;
  };
  header_list headers;
  for (const auto& [name, value] : failed.head.headers.fields()) headers.add(name, without(value));
  failed.head.headers = std::move(headers);
  failed.body = without(std::move(failed.body));
}

}  // namespace detail

HUBCACHE_DECL http_request hub_source::request(std::string method, const route& to,
                                               std::chrono::milliseconds timeout) const {
  http_request result;
  result.method = std::move(method);
  result.target = to.where;
  result.timeout = timeout;
  std::string agent = std::string("hubcache/") + version + "; c++/20";
  if (!config_.user_agent.empty()) agent.append("; ").append(config_.user_agent);
  result.headers.add("User-Agent", std::move(agent));
  result.headers.add("Accept", "*/*");
  result.headers.add("Accept-Encoding",
                     "identity");  // a coded body has no known size and no ranges
  if (to.with_token) result.headers.add("Authorization", "Bearer " + config_.token.reveal());
  return result;
}

HUBCACHE_DECL hub_source::quota hub_source::quota_of(const url& target) const {
  std::string_view path = target.target();
  std::string_view prefix = config_.endpoint.target();
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
  return path.starts_with("/api/") && !path.starts_with("/api/resolve-cache/") ? quota::api : quota::resolve;
}

HUBCACHE_DECL asio::awaitable<void> hub_source::wait_until(std::chrono::steady_clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(when - std::chrono::steady_clock::now());
  // All who wait for the same are told once.
  if (left > std::chrono::seconds(2) && when > told_until_ + std::chrono::seconds(1)) {
    told_until_ = when;
    const event news =
        events::warning("The Hub asks to wait " + std::to_string(left.count()) + " s (rate limit).");
    observer_(news);
  }
  co_await pause_until(when);
}

HUBCACHE_DECL asio::awaitable<http_response> hub_source::exchange(const http_request& what, body_sink& sink) {
  const bool own = what.target.same_origin(config_.endpoint);
  auto& not_before = not_before_[static_cast<std::size_t>(quota_of(what.target))];
  if (own && not_before > std::chrono::steady_clock::now()) co_await wait_until(not_before);
  ++counters_.requests;
  auto answer = co_await over_.exchange(what, sink);
  if (answer.head.status >= 300 && !config_.token.empty()) detail::conceal(answer, config_.token);
  const auto limit = own ? parse_rate_limit(answer.head.headers) : std::nullopt;
  if (limit && limit->remaining == 0) {
    const auto reset = std::min(limit->reset, std::chrono::seconds(3600)) + std::chrono::seconds(1);
    not_before = std::max(not_before, std::chrono::steady_clock::now() + reset);
  }
  co_return answer;
}

HUBCACHE_DECL asio::awaitable<http_response> hub_source::metadata_once(std::string method, url target,
                                                                       const repo& which, url& answered,
                                                                       waiting_time& server_wait,
                                                                       std::string body) {
  const bool has_token = !config_.token.empty();
  error_context context;
  context.repo = which.display();
  for (auto to = start_route(target, config_.endpoint, has_token, config_.token_over_http);;) {
    auto asked = request(method, to, config_.metadata_timeout);
    asked.body_limit = detail::metadata_limit;
    asked.minimum_rate = config_.minimum_rate;
    if (!body.empty()) asked.headers.add("Content-Type", "application/json");
    asked.body = body;
    keep_sink sink;
    auto answer = co_await exchange(asked, sink);
    // A HEAD is answered by its first redirect to another host: what lies there
    // is the CDN's.
    const auto location = answer.head.headers.find("Location");
    if (detail::is_redirect(answer)) {
      auto next = follow(to, *location, config_.endpoint);
      if (method == "HEAD" && !next.where.same_origin(to.where)) co_return answer;
      to = std::move(next);
      continue;
    }
    if (answer.head.status >= 300) {
      server_wait = retry_after(answer.head.headers, std::chrono::system_clock::now());
      throw answer_error(answer, to.where, context);
    }
    if (method != "HEAD" && answer.body.size() >= detail::metadata_limit) {
      context.url = to.where.redacted();
      throw error(errc::bad_response, "the answer is larger than 256 MiB", context);
    }
    answered = to.where;
    co_return answer;
  }
}

HUBCACHE_DECL asio::awaitable<void> hub_source::metadata(std::string method, url target, const repo& which,
                                                         answer_reader read, std::string body) {
  retry_state state;
  state.patience = std::chrono::seconds(60);  // after that the cached snapshot serves, or the error is told
  for (;;) {
    std::exception_ptr failure;
    waiting_time server_wait;
    error_context context;
    context.repo = which.display();
    try {
      url answered;
      const auto answer = co_await metadata_once(method, target, which, answered, server_wait, body);
      context.url = answered.redacted();
      if (read) read(answer, answered);
      co_return;
    } catch (const error&) {
      failure = std::current_exception();
    }
    const auto what = error_of(failure);
    const auto wait = next_attempt(config_, state, what->reason(), server_wait, random_fraction());
    if (!wait) throw what->within(context);
    const auto until = std::chrono::steady_clock::now() + *wait;
    if (server_wait) {
      co_await wait_until(until);
    } else {
      co_await pause_until(until);
    }
  }
}

HUBCACHE_DECL asio::awaitable<repo_info> hub_source::info(const repo& which, const std::string& revision) {
  repo_info result;
  answer_reader read = [&result](const http_response& answer, const url&) {
    result = parse_repo_info(answer.body);
  };
  co_await metadata("GET", info_url(config_.endpoint, which, revision), which, std::move(read));
  co_return result;
}

HUBCACHE_DECL asio::awaitable<listing> hub_source::tree(const repo& which, const std::string& commit) {
  std::vector<file_entry> files;
  std::set<std::string> seen;
  std::optional<url> page = tree_url(config_.endpoint, which, commit);
  while (page) {
    if (!seen.insert(page->text()).second || seen.size() > detail::max_tree_pages) {
      error_context context;
      context.repo = which.display();
      context.url = page->redacted();
      throw error(errc::bad_response, "the listing names the same next page again and again", context);
    }
    std::optional<url> next;
    answer_reader read = [&files, &next](const http_response& answer, const url& answered) {
      std::vector<file_entry> some;
      parse_tree_page(answer.body, some);
      next = next_page(answer.head.headers, answered);
      std::move(some.begin(), some.end(), std::back_inserter(files));
    };
    co_await metadata("GET", *page, which, std::move(read));
    page = std::move(next);
  }
  co_return finish_listing(commit, std::move(files));
}

HUBCACHE_DECL asio::awaitable<scan_statuses> hub_source::scans(const repo& which, const std::string& commit,
                                                               std::vector<std::string> paths) {
  constexpr std::size_t at_once = 100;
  scan_statuses found;
  const auto target = paths_info_url(config_.endpoint, which, commit);
  for (std::size_t first = 0; first < paths.size(); first += at_once) {
    std::string body = "{\"paths\": [";
    const auto last = std::min(paths.size(), first + at_once);
    for (std::size_t i = first; i < last; ++i) {
      if (i != first) body += ", ";
      append_json_string(body, paths[i], true);
    }
    body += "], \"expand\": true}";
    answer_reader read = [&found](const http_response& answer, const url&) {
      parse_scans(answer.body, found);
    };
    co_await metadata("POST", target, which, std::move(read), std::move(body));
  }
  co_return found;
}

HUBCACHE_DECL asio::awaitable<void> hub_source::check_access(const repo& which, const std::string& commit,
                                                             const std::string& path) {
  co_await metadata("HEAD", resolve_url(config_.endpoint, which, commit, path), which, answer_reader());
}

HUBCACHE_DECL asio::awaitable<http_response> hub_source::ask(content_part part, body_sink& sink, route& to) {
  for (;;) {
    auto asked = request("GET", to, config_.download_timeout);
    asked.minimum_rate = config_.minimum_rate;
    if (part.begin > 0 || part.end) {
      asked.headers.add("Range", "bytes=" + std::to_string(part.begin) + "-" +
                                     (part.end ? std::to_string(*part.end - 1) : ""));
    }
    auto answer = co_await exchange(asked, sink);
    if (!detail::is_redirect(answer)) co_return answer;
    to = follow(to, *answer.head.headers.find("Location"), config_.endpoint);
  }
}

HUBCACHE_DECL asio::awaitable<http_response> hub_source::content(const repo& which, const std::string& commit,
                                                                 const std::string& path, content_part part,
                                                                 std::shared_ptr<found_route> way,
                                                                 body_sink& sink, waiting_time& server_wait) {
  const auto first = start_route(resolve_url(config_.endpoint, which, commit, path), config_.endpoint,
                                 !config_.token.empty(), config_.token_over_http);
  for (bool renewed = false;;) {
    const bool known = way->has_value();
    auto to = way->value_or(first);
    to.hops = 0;
    detail::final_answer_sink last(sink, to, *way);
    http_response answer;
    try {
      answer = co_await ask(part, last, to);
    } catch (...) {
      way->reset();  // whoever tries again asks the Hub for a better one
      throw;
    }
    if (answer.head.status < 300) co_return answer;
    way->reset();
    // 401 or 403 away from the Hub is a signature that expired while we waited:
    // asking the Hub again helps.
    const bool expired =
        !to.where.same_origin(config_.endpoint) && (answer.head.status == 401 || answer.head.status == 403);
    if (known && expired && !std::exchange(renewed, true)) continue;
    server_wait = retry_after(answer.head.headers, std::chrono::system_clock::now());
    error_context context;
    context.repo = which.display();
    context.file = path;
    auto failure = answer_error(answer, to.where, context);
    if (expired) {
      throw error(errc::connection_lost, "the signed URL was refused: " + failure.detail(),
                  failure.context());
    }
    throw failure;
  }
}

}  // namespace hubcache::inline v0_1
