#pragma once
/// @file
/// HTTP/1.1 messages as the embedded servers read and write them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/hub/file_content.hpp"

namespace embedded {

/// Header fields in order; names compare without case.
class fields {
 public:
  void add(std::string name, std::string value) { all_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces all values of `name`.
  void set(std::string_view name, std::string value);
  void erase(std::string_view name);
  /// The first value of `name`, or nullptr.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return all_; }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

struct request {
  std::string method;
  std::string target;  ///< As sent.
  std::string path;    ///< The target up to '?', not decoded.
  std::string query;   ///< After '?', not decoded.
  bool http_1_0 = false;
  fields headers;
  std::string body;

  /// The decoded value of a query parameter; none if it is missing.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
  /// Whether a query parameter is "true", "True" or "1".
  [[nodiscard]] bool flag(std::string_view name) const;
  /// Whether the client wants the connection closed after the answer.
  [[nodiscard]] bool wants_close() const;
  /// Whether the client takes gzip.
  [[nodiscard]] bool accepts_gzip() const;
};

/// An answer: a status, fields without framing (Content-Length, Connection), and a run of some content.
struct response {
  int status = 200;
  fields headers;
  file_content content;
  std::uint64_t offset = 0;  ///< Where the body begins in `content`.
  std::uint64_t length = 0;  ///< Of the body.
  bool is_file = false;      ///< The body is file content, not a message about it.
  bool chunked = false;      ///< Send it in chunks, without Content-Length.

  /// Makes `bytes` the body.
  void text(std::string bytes, std::string type);
};

/// Reads the head of a request, up to and with its empty line; none if it is malformed.
[[nodiscard]] std::optional<request> parse_request(std::string_view head);

/// A byte range that a Range field asks for.
struct byte_range {
  enum class kind { absent, valid, unsatisfiable };
  kind state = kind::absent;
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< Inclusive.
};
/// Reads "bytes=a-b", "bytes=a-" or "bytes=-n" against a content of `size` bytes. Anything else, several
/// ranges included, counts as absent, as RFC 9110 allows.
[[nodiscard]] byte_range parse_range(std::string_view field, std::uint64_t size);

/// "Not Found" for 404.
[[nodiscard]] std::string_view reason(int status) noexcept;
/// Undoes %XX; '+' stands for itself. Malformed escapes are kept.
[[nodiscard]] std::string percent_decoded(std::string_view text);
/// Encodes all but unreserved characters and those in `keep`.
[[nodiscard]] std::string percent_encoded(std::string_view text, std::string_view keep = "");
/// The decoded values of `name` in a query or a form ('+' is a blank).
[[nodiscard]] std::vector<std::string> form_values(std::string_view form, std::string_view name);
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;
/// `text` as a JSON string, quotes included.
[[nodiscard]] std::string json_string(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
/// A gzip member that holds `bytes` uncompressed.
[[nodiscard]] std::string gzip_stored(std::string_view bytes);

}  // namespace embedded
