#pragma once
/// @file
/// What the embedded servers were asked, for assertions.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace embedded {

/// The two hosts of a Hub.
enum class listener { endpoint, cdn };
[[nodiscard]] inline std::string_view name_of(listener where) noexcept {
  return where == listener::cdn ? "cdn" : "endpoint";
}

/// One request and what was sent for it. Holds no token and no signature.
struct request_record {
  listener where = listener::endpoint;
  std::uint64_t connection = 0;  ///< Of its listener, numbered from 1.
  std::string method;
  std::string path;   ///< Not decoded.
  std::string query;  ///< Not decoded; without Policy and Signature.
  std::string range;  ///< The Range field, or empty.
  bool has_auth = false;
  std::string accept_encoding;
  std::string user_agent;
  int status = 0;
  bool content = false;          ///< The answer carries file content (200 or 206 to a GET).
  std::uint64_t body_bytes = 0;  ///< Body bytes handed to the socket, framing excluded.
  std::uint64_t faults = 0;      ///< Injected faults that shaped the answer: 0 or 1.
};

/// All requests in order of arrival. A record stands in the log before the first byte of its answer is sent,
/// and its byte count grows before the bytes leave: who has received an answer finds all of it here. Safe
/// from any thread.
class request_log {
 public:
  using predicate = std::function<bool(const request_record&)>;

  /// Adds a record; returns its number for `add_bytes`.
  std::size_t add(request_record record);
  /// Changes the byte count of a record; does nothing if the log was cleared since.
  void add_bytes(std::size_t number, std::int64_t change);
  void clear();

  /// A copy of all records.
  [[nodiscard]] std::vector<request_record> records() const;
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t count(const predicate& wanted) const;
  /// GETs of file content, on either host.
  [[nodiscard]] std::size_t content_gets() const;
  /// Bytes of file content sent, on either host.
  [[nodiscard]] std::uint64_t content_bytes_sent() const;

 private:
  mutable std::mutex mutex_;
  std::size_t first_number_ = 0;  // of records_.front(): numbers are not reused after clear()
  std::vector<request_record> records_;
};

}  // namespace embedded
