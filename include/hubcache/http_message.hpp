#pragma once
/// @file
/// An HTTP exchange as plain values, for whoever sends it.

#include <hubcache/config.hpp>
#include <hubcache/url.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// Header fields in order. Names compare without case.
class header_list {
 public:
  header_list() = default;
  /// Appends a field; one of the same name may be there already.
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// The first value of `name`, without surrounding blanks; none if it is missing. O(fields).
  [[nodiscard]] HUBCACHE_DECL std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// In their order.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const noexcept {
    return fields_;
  }

  friend bool operator==(const header_list&, const header_list&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// What is asked of a server.
struct http_request {
  http_request() = default;

  std::string method = "GET";  ///< In upper case.
  url target;                  ///< Where it is sent; without credentials.
  header_list headers;  ///< Without Host, Connection and Content-Length: those are the transport's.
  std::string body;     ///< Sent with its Content-Length if not empty.
  std::chrono::milliseconds timeout{10'000};  ///< Of the connect, and of each wait for bytes; at least 1 ms.
  std::uint64_t minimum_rate = 0;  ///< Bytes/s over 30 s below which the body counts as stalled; 0 = none.
  std::size_t body_limit = 64 * 1024;  ///< Of `http_response::body`, in bytes.

  friend bool operator==(const http_request&, const http_request&) = default;
};
static_assert(!std::is_aggregate_v<http_request>);

/// Status line and header fields of a response.
struct response_head {
  response_head() = default;

  int status = 0;                               ///< 200, 404, ...
  header_list headers;                          ///< In the order in which they came.
  std::optional<std::uint64_t> content_length;  ///< Of the body to come, where the server says so.

  friend bool operator==(const response_head&, const response_head&) = default;
};
static_assert(!std::is_aggregate_v<response_head>);

/// What a server answered.
struct http_response {
  http_response() = default;

  response_head head;            ///< Its head; redirects are not followed.
  std::string body;              ///< What a sink asked to `keep`.
  std::uint64_t body_bytes = 0;  ///< Body bytes received, kept, taken or neither.

  friend bool operator==(const http_response&, const http_response&) = default;
};
static_assert(!std::is_aggregate_v<http_response>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/http_message.ipp>
#endif
