#pragma once
/// @file
/// The client's half of HTTP/1.1 (RFC 9110, RFC 9112) as pure pieces: no I/O, every input bounded, nothing
/// lenient that could make two parties disagree on where a message ends.
///
/// Malformed bytes throw `error` with errc::bad_response; the object is then good for nothing but
/// destruction.

#include <hubcache/config.hpp>
#include <hubcache/http_message.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace hubcache::inline v0_1::http1 {

/// How the end of a body is told (RFC 9112 section 6.3).
enum class framing : unsigned char {
  none,         ///< There is no body.
  length,       ///< `response_head::content_length` bytes.
  chunked,      ///< Decode with `chunk_decoder`.
  until_close,  ///< It ends with the connection.
};

/// Reads the head of one response, however its bytes are split.
///
/// Lines end in CRLF or LF. Refused: a CR elsewhere, NUL and other control characters, folded fields, names
/// that are no tokens, versions other than HTTP/1.0 and 1.1, status 101 (we never ask to switch), heads over
/// 64 KiB or 200 fields, Content-Length values that differ or overflow, transfer codings other than a single
/// chunked.
class response_parser {
 public:
  static constexpr std::size_t max_head_size = 64 * 1024;  ///< Of a head, in bytes.
  static constexpr std::size_t max_fields = 200;           ///< Of a head.

  /// `method` is the request's: an answer to HEAD, or a 2xx to CONNECT, has no body.
  explicit response_parser(std::string_view method)
      : head_(method == "HEAD"), connect_(method == "CONNECT") {}

  /// Reads from the front of `bytes` up to the end of the head. Returns how many it read. O(bytes).
  std::size_t feed(std::string_view bytes);
  /// Whether the head is complete.
  [[nodiscard]] bool complete() const noexcept { return complete_; }

  /// @pre complete() for all of the following.
  /// Content-Length stands in it for HEAD too: the size that GET would send.
  [[nodiscard]] const response_head& head() const noexcept { return result_; }
  /// The same, moved out.
  [[nodiscard]] response_head take_head() noexcept { return std::move(result_); }
  /// Whether this is a 1xx answer: the final one follows, for a new parser.
  [[nodiscard]] bool interim() const noexcept { return result_.status < 200; }
  /// How the body ends.
  [[nodiscard]] framing body() const noexcept { return framing_; }
  /// Whether the connection may carry another request once the body has been read.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

 private:
  void read_line(std::string_view line);
  void read_status(std::string_view line);
  void read_field(std::string_view line);
  void finish();

  bool head_;
  bool connect_;
  bool version_1_1_ = false;
  bool complete_ = false;
  bool keep_alive_ = false;
  framing framing_ = framing::none;
  std::size_t size_ = 0;  // of the head so far
  std::string line_;      // its unfinished last line; the others are read where they lie
  response_head result_;
};

/// Takes a chunked body apart (RFC 9112 section 7.1). Extensions and trailers are skipped, within limits.
class chunk_decoder {
 public:
  static constexpr std::size_t max_line_size = 4 * 1024;      ///< Of a chunk's size and extensions.
  static constexpr std::size_t max_trailer_size = 16 * 1024;  ///< Of all trailers.

  /// Removes from the front of `bytes` what it understands and returns the next piece of the body, a part of
  /// `bytes`. An empty piece means that all of `bytes` was used up or, if done(), that the body is complete;
  /// what follows it stays in `bytes`.
  [[nodiscard]] std::string_view next(std::string_view& bytes);
  /// Whether the last chunk and the trailer were read.
  [[nodiscard]] bool done() const noexcept { return state_ == state::done; }

 private:
  enum class state : unsigned char {
    size,
    extension,
    size_end,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_end,
    last_end,
    done
  };
  void step(char c);
  void read_size(char c);
  void end_size_line();

  state state_ = state::size;
  bool digits_ = false;        // the size has at least one
  std::uint64_t size_ = 0;     // data bytes left of this chunk
  std::size_t line_size_ = 0;  // of the current size line, or of all trailers
};

/// What stands on the request line.
enum class target_form : unsigned char {
  origin,    ///< "/path": for the origin itself, also through a tunnel.
  absolute,  ///< "http://host/path": for a proxy.
};

/// `request` as bytes, with Host, Connection: keep-alive and (for a body, or a method that implies one)
/// Content-Length; `extra` fields stand last.
/// @throws error errc::invalid_argument if method, target, a field name or value could break out of its
/// place, if
///   the method is CONNECT, or if a field is one of those that belong to the transport.
[[nodiscard]] HUBCACHE_DECL std::string format_request(const http_request& request,
                                                       target_form form = target_form::origin,
                                                       const header_list& extra = header_list());

/// The request that makes a proxy open a tunnel to the origin of `target`. @throws as format_request
[[nodiscard]] HUBCACHE_DECL std::string format_connect(const url& target,
                                                       const header_list& extra = header_list());

/// Whether the challenges of a 407 have one for Basic authentication (RFC 9110 section 11.7.1).
[[nodiscard]] HUBCACHE_DECL bool offers_basic(const header_list& headers);

}  // namespace hubcache::inline v0_1::http1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_http1.ipp>
#endif
