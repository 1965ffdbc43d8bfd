#pragma once
/// @file
/// How the embedded Hub misbehaves when told to: answers changed, cut, stalled or mangled, a given number of
/// times.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/hub/http.hpp"
#include "support/hub/request_log.hpp"

namespace embedded {

/// How an answer goes over the wire. Offsets and counts of body bytes are of the unframed body.
struct delivery {
  std::string before_head;                       ///< Raw bytes sent first, e.g. an interim response.
  std::optional<std::string> status_line;        ///< In place of "HTTP/1.1 200 OK", without line end.
  std::optional<std::uint64_t> declared_length;  ///< In place of the true Content-Length.
  bool omit_length = false;                      ///< No Content-Length: the body ends with the connection.
  bool send_nothing = false;                     ///< Close instead of answering.
  bool head_only = false;                        ///< Send no body: the answer to HEAD, and 304.
  bool close = false;                            ///< Close after the answer.
  bool reset = false;                            ///< Close by RST where it closes, not by FIN.

  std::chrono::milliseconds stall_before_head{0};
  std::optional<std::uint64_t> stall_at;  ///< Body byte before which `stall_in_body` is spent.
  std::chrono::milliseconds stall_in_body{0};
  std::uint64_t bytes_per_second = 0;  ///< 0 = as fast as the connection may.

  std::optional<std::uint64_t> drop_after_body;   ///< Close after so many body bytes.
  std::optional<std::uint64_t> drop_after_bytes;  ///< Close after so many bytes, head included.
  std::optional<std::uint64_t> flip_at;           ///< Body byte whose lowest bit is inverted.
  bool invert = false;                            ///< Invert every body byte.
  std::string after_body;                         ///< Raw bytes sent after the body, unannounced.

  std::size_t chunk_size = 16 * 1024;  ///< Of chunked bodies.
  std::string bad_chunk;               ///< Raw bytes in place of the second chunk and all that follows.
  std::string trailers;                ///< Raw lines after the last chunk, each with its line end.
};

/// A request with its answer, about to be sent.
struct exchange {
  listener where;
  request asked;
  response answer;
  delivery sending;
  /// Answers another request on the same listener, as the site does when nothing is wrong.
  std::function<response(const request&)> respond;
};

/// What a fault does to an exchange, and to which it can be done.
struct fault_action {
  std::function<void(exchange&)> apply;
  std::function<bool(const exchange&)> applies;  ///< Empty: to all.
};

/// Which exchanges a fault hits. The first injected fault that matches and has times left is applied, alone.
struct fault {
  fault() = default;
  fault(fault_action what) : action(std::move(what)) {}

  static constexpr std::uint64_t always = std::numeric_limits<std::uint64_t>::max();

  fault_action action;
  std::string method;             ///< Empty: any.
  std::string part;               ///< Of the target as sent; empty: any.
  std::optional<listener> where;  ///< None: both.
  std::uint64_t skip = 0;         ///< Matching exchanges left alone before the first hit.
  std::uint64_t times = 1;        ///< Hits.

  fault& on(listener l) { return where = l, *this; }
  fault& on(std::string_view target_part) { return part = target_part, *this; }
  fault& of(std::string_view request_method) { return method = request_method, *this; }
  fault& after(std::uint64_t exchanges) { return skip = exchanges, *this; }
  fault& repeated(std::uint64_t n) { return times = n, *this; }
};
static_assert(!std::is_aggregate_v<fault>);

/// An injected fault, to ask how often it hit. Copies are the same fault.
class fault_handle {
 public:
  [[nodiscard]] std::uint64_t fired() const;

 private:
  friend class fault_list;
  struct state;
  explicit fault_handle(std::shared_ptr<state> s) : state_(std::move(s)) {}
  std::shared_ptr<state> state_;
};

/// The faults of a hub, in order of injection. Safe from any thread.
class fault_list {
 public:
  fault_handle inject(fault f);
  void clear();
  /// Applies the first fault that matches; whether there was one. Actions run outside the lock.
  bool apply(exchange& hit);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<fault_handle::state>> faults_;
};

// Actions.

/// Both, in this order.
[[nodiscard]] fault_action both(fault_action first, fault_action second);

/// Closes the connection after `bytes` of the body. Hits only bodies that are longer.
[[nodiscard]] fault_action drop_after_body(std::uint64_t bytes, bool reset = false);
/// Closes the connection after `bytes` of the answer, head included.
[[nodiscard]] fault_action drop_after_bytes(std::uint64_t bytes, bool reset = false);
/// Closes the connection instead of answering.
[[nodiscard]] fault_action close_without_answer(bool reset = false);
/// Another status, with an error body and these fields (Retry-After, RateLimit, ...).
[[nodiscard]] fault_action status(int code, fields extra = {});
/// What a CDN says of a signature that has expired: 403, or 401.
[[nodiscard]] fault_action expired_signature(int code = 403);
[[nodiscard]] fault_action stall_before_head(std::chrono::milliseconds time);
/// Sends head and `bytes` of the body, then nothing for `time`. Hits only bodies that are longer.
[[nodiscard]] fault_action stall_in_body(std::uint64_t bytes, std::chrono::milliseconds time);
[[nodiscard]] fault_action drip(std::uint64_t bytes_per_second);
/// 200 and the whole content. Hits only requests with Range.
[[nodiscard]] fault_action ignore_range();
/// 206 with this Content-Range. Hits only requests with Range.
[[nodiscard]] fault_action wrong_content_range(std::string value);
/// 206 with the bytes that were asked for as the one part of multipart/byteranges. Hits only requests with Range.
[[nodiscard]] fault_action multipart_ranges();
/// Announces `by` bytes more (or less) than it sends, then closes.
[[nodiscard]] fault_action wrong_content_length(std::int64_t by);

/// Announces `text` as the length of the body, which stays as it is.
[[nodiscard]] fault_action announced_length(const std::string& text);
/// The announced number of bytes, but of other content. Hits only file content.
[[nodiscard]] fault_action other_bytes();
/// Inverts one bit of the byte at `offset` of the file. Hits only answers that carry that byte.
[[nodiscard]] fault_action flip_byte(std::uint64_t offset);
/// `bytes` more than announced after the body.
[[nodiscard]] fault_action extra_bytes(std::size_t bytes);
[[nodiscard]] fault_action garbage_status_line(std::string line = "SSH-2.0-OpenSSH_9.2");
/// `count` more header fields of `size` bytes each.
[[nodiscard]] fault_action header_bomb(std::size_t count, std::size_t size = 1000);
/// A correct chunked body with trailers.
[[nodiscard]] fault_action chunked(std::size_t chunk_size = 16 * 1024,
                                   std::string trailers = "X-Checked: yes\r\n");
/// A chunked body that turns into `raw` (a bad size line, for instance) after its first chunk; then closes.
[[nodiscard]] fault_action bad_chunk(std::string raw = "zz\r\n", std::size_t chunk_size = 16 * 1024);
/// gzip though nobody asked for it. Hits only whole file content.
[[nodiscard]] fault_action gzip_anyway();
/// A redirect to `location`, verbatim.
[[nodiscard]] fault_action redirect_to(std::string location, int code = 302);
/// The body with every `from` in it turned into `to`. Hits only messages that have one.
[[nodiscard]] fault_action rewrite(std::string from, std::string to);
/// Another body, of the same status.
[[nodiscard]] fault_action body(std::string bytes, std::string type = "application/json");
/// Interim responses first: 100, 103, ...
[[nodiscard]] fault_action interim(std::vector<int> codes);
[[nodiscard]] fault_action set_header(std::string name, std::string value);
/// Leaves a field out; without Content-Length the body ends with the connection.
[[nodiscard]] fault_action drop_header(std::string name);

}  // namespace embedded
