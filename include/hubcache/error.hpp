#pragma once
/// @file
/// What can go wrong, and what to do then. Below the coroutines calls take an `error_code&`; above them they
/// throw (or complete with) `error`, which carries the context of the failure.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Every failure hubcache reports by itself. System errors (ENOSPC, ECONNREFUSED, ...) are mapped to these, the
/// original text goes into `error::detail`.
enum class errc {
  invalid_argument = 1,  ///< A repo id, revision, pattern, path or option is malformed. Correct the call.
  misuse,                ///< A blocking call was made from the cache's own thread. Use the async form there.
  invalid_mapping,       ///< A cache mapping file is malformed. It was left untouched; repair or remove it.

  host_not_found,     ///< DNS knows no such host. Check the endpoint's spelling and the network.
  connection_failed,  ///< Nobody accepted the connection. Check endpoint, proxy and firewall.
  connection_lost,  ///< The connection broke in the middle, more often than retries allow. Run again: it resumes.
  timed_out,        ///< Nothing arrived within the timeout. Run again, or raise HF_HUB_DOWNLOAD_TIMEOUT.
  tls_failed,     ///< Certificate or TLS handshake refused. Check the clock, SSL_CERT_FILE and the host name.
  proxy_failed,   ///< The proxy refused or failed. Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
  bad_response,   ///< The server broke HTTP or sent JSON of another shape. A proxy in between is likely.
  rate_limited,   ///< 429 after all retries. Wait, or send a token for a higher limit.
  server_failed,  ///< 5xx or 408 after all retries. Try again later.
  http_failed,    ///< Another HTTP status that hubcache has no remedy for.

  unauthorized,  ///< 401: no such repo, or a private one and no valid token. Check the name, then the token.
  gated,      ///< The repo is gated and this token is not let in. Accept its terms on the Hub, pass a token.
  forbidden,  ///< 403: the token lacks permission.

  repo_not_found,      ///< 404: no such repo. Check its spelling and type.
  revision_not_found,  ///< The repo has no such branch, tag or commit.
  file_not_found,      ///< The revision has no such file.

  malformed_file,  ///< A file of the repo has not the form its name promises (model_index.json, a header of weights).

  digest_mismatch,  ///< Bytes arrived complete but hash to something else. Nothing was published.
  size_mismatch,    ///< More or fewer bytes arrived than the listing promises. Nothing was published.

  disk_full,          ///< No space (or quota) left. Free some and run again: it resumes.
  disk_failed,        ///< The file system reported an error (I/O, read-only, too many links, ...).
  permission_denied,  ///< The file system forbids it to this user.

  not_cached,  ///< Offline, and not everything asked for is in the cache. Run once with network.
  refused,     ///< hubcache declines: it would break a rule of safety (see the detail).
  disallowed,  ///< A requirement of the user or his organisation forbids it (requirement.hpp). See the detail.
  lock_mismatch,  ///< The Hub or the cache has something else than the lock file says. See the detail.
  cancelled,      ///< The caller cancelled. Partial files are kept and resumed next time.
  internal,       ///< A bug in hubcache or an exception from a policy. Please report it.
};

/// The category of `errc`; its `default_error_condition` maps to `std::errc` where one fits.
[[nodiscard]] HUBCACHE_DECL const std::error_category& hubcache_category() noexcept;

/// For std::error_code and its comparisons: `e.code() == errc::not_cached`.
[[nodiscard]] inline std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), hubcache_category()};
}

/// Where a failure happened. Empty strings and 0 mean "does not apply".
struct error_context {
  error_context() = default;

  std::string repo;        ///< As the user typed it, with its type if that is not model.
  std::string file;        ///< Path in the repo, or on disk.
  std::string url;         ///< Redacted: without query and credentials.
  int http_status = 0;     ///< Of the answer that failed.
  std::string request_id;  ///< As the server named the exchange; quote it when asking its operators.

  /// Sets repo, for errors made in one expression.
  error_context&& with_repo(std::string value) && {
    repo = std::move(value);
    return std::move(*this);
  }
  /// Sets file.
  error_context&& with_file(std::string value) && {
    file = std::move(value);
    return std::move(*this);
  }
  /// Sets url, which must be redacted already.
  error_context&& with_url(std::string value) && {
    url = std::move(value);
    return std::move(*this);
  }

  friend bool operator==(const error_context&, const error_context&) = default;
};
static_assert(!std::is_aggregate_v<error_context>);

/// The one exception type of the public calls. Copying is cheap and does not throw.
/// `what()` is one readable paragraph: what failed, where, and what to do.
class error : public std::system_error {
 public:
  /// @param detail   what was expected and what came; may be empty. Neither it nor `context` may hold secrets
  error(errc code, std::string detail, error_context context = error_context{});
  // No moves: an error that was moved from would have no text.
  error(const error&) noexcept = default;
  error& operator=(const error&) noexcept = default;

  /// code() as an errc.
  [[nodiscard]] errc reason() const noexcept { return static_cast<errc>(code().value()); }
  /// What exactly was expected and what came, without the context and the advice.
  [[nodiscard]] const std::string& detail() const noexcept { return state_->detail; }
  /// Where it happened.
  [[nodiscard]] const error_context& context() const noexcept { return state_->context; }
  /// One paragraph for people. Valid as long as this error.
  [[nodiscard]] const char* what() const noexcept override { return state_->text.c_str(); }

  /// The same error, with the fields of `more` where this one has none.
  [[nodiscard]] error within(const error_context& more) const;

 private:
  struct state {
    std::string detail;
    error_context context;
    std::string text;
  };
  std::shared_ptr<const state> state_;
};

/// One sentence of advice for `code`: what the user can do.
[[nodiscard]] HUBCACHE_DECL std::string_view advice(errc code) noexcept;

/// The name of `code` as it stands in `errc`: "digest_mismatch", for machine-readable output.
[[nodiscard]] HUBCACHE_DECL std::string_view to_string(errc code) noexcept;

/// The `errc` that says best what the system error `code` means for the user of a file.
[[nodiscard]] HUBCACHE_DECL errc disk_errc(const std::error_code& code) noexcept;

/// Throws `error` for a failed file operation on `path`; `doing` reads like "create".
[[noreturn]] HUBCACHE_DECL void throw_disk_error(const std::error_code& code, std::string_view doing,
                                                 const std::string& path);

/// The `error` inside `ptr`; other exceptions become `errc::internal` with their text, null becomes nullptr.
/// For handlers of the async calls: reads the context without a throw of one's own.
[[nodiscard]] HUBCACHE_DECL std::shared_ptr<const error> error_of(const std::exception_ptr& ptr);

}  // namespace hubcache::inline v0_1

template <>
struct std::is_error_code_enum<hubcache::errc> : std::true_type {};

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/error.ipp>
#endif
