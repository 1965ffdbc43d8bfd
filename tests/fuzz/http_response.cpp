#include <hubcache/error.hpp>
#include <hubcache/transport/http1.hpp>

#include <algorithm>
#include <optional>
#include <string>

#include "require.hpp"

namespace {

using hubcache::http1::chunk_decoder;
using hubcache::http1::framing;
using hubcache::http1::response_parser;

/// What a client makes of the bytes of a connection; none if they are malformed.
struct reading {
  bool head_complete = false;
  bool body_complete = false;
  int status = 0;
  std::size_t fields = 0;
  framing kind = framing::none;
  bool keep_alive = false;
  std::string body;
  std::size_t left = 0;  // bytes after the message
  friend bool operator==(const reading&, const reading&) = default;
};

void read_body(const response_parser& parser, std::string_view bytes, std::size_t step, reading& result) {
  chunk_decoder decoder;
  while (!bytes.empty() && !decoder.done() && parser.body() == framing::chunked) {
    auto some = bytes.substr(0, step);
    const auto size = some.size();
    const auto piece = decoder.next(some);
    fuzz::require(some.size() < size && (piece.data() == nullptr || piece.data() >= bytes.data()));
    result.body += piece;
    bytes.remove_prefix(size - some.size());
  }
  result.body_complete = parser.body() == framing::none || decoder.done();
  result.left = bytes.size();
}

/// Reads in pieces of `step` bytes.
std::optional<reading> read(std::string_view method, std::string_view bytes, std::size_t step) {
  reading result;
  try {
    response_parser parser(method);
    while (!bytes.empty() && !parser.complete()) {
      const auto used = parser.feed(bytes.substr(0, step));
      fuzz::require(used == std::min(step, bytes.size()) || parser.complete());
      bytes.remove_prefix(used);
    }
    if (!parser.complete()) return result;
    const auto& head = parser.head();
    fuzz::require(head.status >= 100 && head.status <= 999);
    fuzz::require(head.headers.fields().size() <= response_parser::max_fields);
    fuzz::require(parser.body() != framing::length || head.content_length.has_value());
    fuzz::require(parser.body() != framing::until_close || !parser.keep_alive());
    for (const auto& [name, value] : head.headers.fields())
      fuzz::require(!name.empty() && value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
    result.head_complete = true;
    result.status = head.status;
    result.fields = head.headers.fields().size();
    result.kind = parser.body();
    result.keep_alive = parser.keep_alive();
    read_body(parser, bytes, step, result);
  } catch (const hubcache::error& e) {
    fuzz::require(e.reason() == hubcache::errc::bad_response);
    return std::nullopt;
  }
  return result;
}

}  // namespace

// First line: the request's method; the rest: what the server sends. However the bytes are split, they mean
// the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::as_text(data, size);
  const auto method = fuzz::take_part(text);
  const auto whole = read(method, text, std::max<std::size_t>(text.size(), 1));
  for (const std::size_t step : {1U, 2U, 7U}) fuzz::require(read(method, text, step) == whole);
  return 0;
}
