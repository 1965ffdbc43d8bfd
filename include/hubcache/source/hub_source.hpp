#pragma once
/// @file
/// The Hub spoken over a transport: metadata with retries, content with
/// redirects.

#include <hubcache/event.hpp>
#include <hubcache/hub/route.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/source/retry.hpp>
#include <hubcache/transport/transport.hpp>

#include <asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubcache::inline v0_1 {

/// What one operation has sent and received.
struct exchange_counters {
  std::uint64_t requests = 0;    ///< HTTP exchanges begun.
  std::uint64_t bytes_wire = 0;  ///< Bytes of content bodies received.
};

/// How long a server asked to wait, if it did.
using waiting_time = std::optional<std::chrono::seconds>;

/// Bytes of a file: from `begin` up to, not including, `end`; none means all
/// that follow.
struct content_part {
  content_part() = default;
  /// Sets begin and end.
  content_part(std::uint64_t b, std::optional<std::uint64_t> e) : begin(b), end(e) {}

  std::uint64_t begin = 0;           ///< Offset of the first byte.
  std::optional<std::uint64_t> end;  ///< Offset past the last byte; none: to the end.
};

/// Where one file is served, once an exchange has found out: mostly a signed
/// URL, so it is kept in memory alone.
using found_route = std::optional<route>;

/// Asks one endpoint on behalf of one operation. Used from the transport's
/// executor only; lives as long as the calls it made. Counts into `counters()`.
class hub_source {
 public:
  /// @param config, over: kept by reference. @param observer told of waits that
  /// the Hub asks for
  hub_source(const settings& config, transport_ref over, observer_ref observer)
      : config_(config), over_(over), observer_(observer) {}

  /// The repo at `revision`, by one API call (renames followed).
  /// @throws error errc::{unauthorized, gated, forbidden, repo_not_found,
  /// revision_not_found, bad_response, ...}
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<repo_info> info(const repo& which, const std::string& revision);

  /// The whole tree of `commit`, all pages.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<listing> tree(const repo& which, const std::string& commit);

  /// What the Hub's scans say of these files of `commit`; one request for a hundred.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<scan_statuses> scans(const repo& which,
                                                                   const std::string& commit,
                                                                   std::vector<std::string> paths);

  /// Asks for one file by HEAD, without following it to the CDN: whether this
  /// caller is let in.
  /// @throws error errc::{unauthorized, gated, forbidden, ...} if not.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<void> check_access(const repo& which, const std::string& commit,
                                                                 const std::string& path);

  /// Asks for `part` of a file, follows redirects, and gives the final answer's
  /// body to `sink`, which sees no redirect and no error. One attempt; other
  /// answers are thrown as errors. The first exchange finds the way to the file
  /// and leaves it in `way`, for the other parts, where it stays as long as it
  /// leads there: a signature that is refused is asked for anew.
  /// @param server_wait set to the pause that a thrown answer asked for.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<http_response> content(
      const repo& which, const std::string& commit, const std::string& path, content_part part,
      std::shared_ptr<found_route> way, body_sink& sink, waiting_time& server_wait);

  /// Pauses as the Hub asked us to, and says so if it is long.
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point when);

  /// When this operation began.
  [[nodiscard]] std::chrono::steady_clock::time_point begun() const noexcept { return begun_; }
  /// What it counted so far.
  [[nodiscard]] exchange_counters& counters() noexcept { return counters_; }
  /// What it counted so far.
  [[nodiscard]] const exchange_counters& counters() const noexcept { return counters_; }

 private:
  /// The Hub counts API calls and file requests apart.
  enum class quota : unsigned char { api, resolve };

  [[nodiscard]] http_request request(std::string method, const route& to,
                                     std::chrono::milliseconds timeout) const;
  [[nodiscard]] quota quota_of(const url& target) const;
  /// One exchange, counted and paced.
  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& what, body_sink& sink);
  /// A request for content along `to`, redirects followed: what answered last.
  /// `to` becomes the route to it.
  [[nodiscard]] asio::awaitable<http_response> ask(content_part part, body_sink& sink, route& to);
  /// Reads the answer that came from a URL; throws errc::bad_response if it cannot.
  using answer_reader = std::function<void(const http_response&, const url&)>;
  /// A metadata request: redirects followed, given to `read` if there is one;
  /// retried, also if it cannot be read. Any status of 400 and above throws.
  /// @param body  JSON, or empty
  [[nodiscard]] asio::awaitable<void> metadata(std::string method, url target, const repo& which,
                                               answer_reader read, std::string body = std::string());
  [[nodiscard]] asio::awaitable<http_response> metadata_once(std::string method, url target,
                                                             const repo& which, url& answered,
                                                             waiting_time& server_wait, std::string body);

  const settings& config_;
  transport_ref over_;
  observer_ref observer_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  exchange_counters counters_;
  std::array<std::chrono::steady_clock::time_point, 2> not_before_{};  ///< Per quota: no request earlier.
  std::chrono::steady_clock::time_point told_until_{};  ///< The observer knows that we wait so long.
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_source.ipp>
#endif
