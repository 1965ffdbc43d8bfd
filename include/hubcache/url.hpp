#pragma once
/// @file
/// http(s) URLs: strict parsing, reference resolution (RFC 3986 section 5), origins and redaction.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// An absolute http or https URL, split. Only `parse` and `resolve` make one, so a url is always well-formed:
/// lower-case scheme and host, a port, no user info, no fragment, no control character or space.
class url {
 public:
  url() = default;

  /// Reads an absolute http(s) URL; none if `text` is anything else, has user info, or is over 16 KiB.
  [[nodiscard]] HUBCACHE_DECL static std::optional<url> parse(std::string_view text);

  /// The URL that `reference` (absolute, "//host/x", "/path", "path", "?query") names relative to this one.
  /// None if it is malformed or of another scheme than http(s).
  [[nodiscard]] HUBCACHE_DECL std::optional<url> resolve(std::string_view reference) const;

  /// Whether the scheme is https.
  [[nodiscard]] bool secure() const noexcept { return secure_; }
  /// "https" or "http".
  [[nodiscard]] std::string_view scheme() const noexcept { return secure_ ? "https" : "http"; }
  /// Host name or address; IPv6 without brackets.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// Told, or the scheme's default.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Path and query, as sent on the request line; starts with '/'.
  [[nodiscard]] const std::string& target() const noexcept { return target_; }
  /// The Host header: the port only where it is not the scheme's default.
  [[nodiscard]] HUBCACHE_DECL std::string authority() const;
  /// scheme://host[:port]
  [[nodiscard]] HUBCACHE_DECL std::string origin() const;
  /// All of it, signatures in the query included: never for logs.
  [[nodiscard]] std::string text() const { return origin() + target_; }
  /// The URL with "?..." in place of its query, which may be a signature: what logs and errors may show.
  [[nodiscard]] HUBCACHE_DECL std::string redacted() const;
  /// This URL with `target` in place of its path and query. @pre target starts with '/'
  [[nodiscard]] HUBCACHE_DECL url with_target(std::string target) const;
  /// Whether the host is localhost, 127.0.0.0/8 or ::1, so that plain http stays on this machine.
  [[nodiscard]] HUBCACHE_DECL bool is_loopback() const noexcept;

  /// Scheme, host and port agree: what may share credentials.
  [[nodiscard]] bool same_origin(const url& other) const noexcept {
    return secure_ == other.secure_ && port_ == other.port_ && host_ == other.host_;
  }
  /// redacted(); streams print it.
  [[nodiscard]] friend std::string to_string(const url& value) { return value.redacted(); }
  friend bool operator==(const url&, const url&) noexcept = default;

 private:
  bool secure_ = false;
  std::uint16_t port_ = 80;
  std::string host_;
  std::string target_ = "/";
};
static_assert(!std::is_aggregate_v<url>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/url.ipp>
#endif
