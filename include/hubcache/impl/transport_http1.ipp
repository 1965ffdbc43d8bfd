#pragma once

#include <hubcache/error.hpp>
#include <hubcache/text.hpp>
#include <hubcache/transport/http1.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace hubcache::inline v0_1::http1 {

namespace detail {

[[noreturn]] HUBCACHE_DECL void refuse(std::string detail) {
  throw error(errc::bad_response, std::move(detail));
}

HUBCACHE_DECL bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// RFC 9110 section 5.6.2.
HUBCACHE_DECL bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

/// Field values and reason phrases: visible characters, space, tab, and bytes from 0x80.
HUBCACHE_DECL bool is_field_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || c == '\t';
  });
}

HUBCACHE_DECL std::string_view without_blanks(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Calls `visit` with each member of the comma-separated list that all fields `name` make up together.
template <class Visit>
void each_member(const header_list& headers, std::string_view name, Visit visit) {
  for (const auto& [key, value] : headers.fields()) {
    if (!equal_without_case(key, name)) continue;
    for (std::string_view rest = value;;) {
      const auto comma = rest.find(',');
      visit(without_blanks(rest.substr(0, comma)));
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
}

HUBCACHE_DECL std::optional<std::uint64_t> content_length(const header_list& headers) {
  std::optional<std::uint64_t> result;
  each_member(headers, "Content-Length", [&](std::string_view member) {
    std::uint64_t value = 0;
    const auto end = member.data() + member.size();
    const auto [stop, failure] = std::from_chars(member.data(), end, value);
    if (member.empty() || !is_digit(member.front()) || failure != std::errc{} || stop != end)
      refuse("Content-Length is no number of bytes");
    if (result && *result != value) refuse("several Content-Length values that differ");
    result = value;
  });
  return result;
}

/// Whether the body is chunked. Any other coding is refused: nothing here could undo it.
HUBCACHE_DECL bool is_chunked(const header_list& headers) {
  bool chunked = false;
  each_member(headers, "Transfer-Encoding", [&](std::string_view member) {
    if (chunked || !equal_without_case(member, "chunked")) refuse("a Transfer-Encoding other than chunked");
    chunked = true;
  });
  return chunked;
}

HUBCACHE_DECL bool has_connection_option(const header_list& headers, std::string_view option) {
  bool found = false;
  each_member(headers, "Connection",
              [&](std::string_view member) { found |= equal_without_case(member, option); });
  return found;
}

HUBCACHE_DECL void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!is_token(name) || !is_field_text(value))
    throw error(errc::invalid_argument, "the request field \"" + std::string(is_token(name) ? name : "?") +
                                            "\" has characters that HTTP forbids");
  out.append(name).append(": ").append(value).append("\r\n");
}

HUBCACHE_DECL void check_method(std::string_view method) {
  if (!is_token(method) || method == "CONNECT")
    throw error(errc::invalid_argument, "the request method is malformed, or CONNECT");
}

}  // namespace detail

HUBCACHE_DECL std::size_t response_parser::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (!complete_ && used < bytes.size()) {
    const auto rest = bytes.substr(used);
    const auto newline = rest.find('\n');
    const auto taken = newline == rest.npos ? rest.size() : newline + 1;
    if (taken > max_head_size - size_) detail::refuse("a response head over 64 KiB");
    size_ += taken;
    used += taken;
    if (newline == rest.npos || !line_.empty()) line_.append(rest.substr(0, taken));
    if (newline == rest.npos) break;
    auto line = line_.empty() ? rest.substr(0, taken) : std::string_view(line_);
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    read_line(line);
    line_.clear();
  }
  return used;
}

HUBCACHE_DECL void response_parser::read_line(std::string_view line) {
  if (!detail::is_field_text(line)) detail::refuse("a control character in the response head");
  if (result_.status == 0) return read_status(line);
  if (line.empty()) return finish();
  read_field(line);
}

HUBCACHE_DECL void response_parser::read_status(std::string_view line) {
  version_1_1_ = line.starts_with("HTTP/1.1 ");
  if (!version_1_1_ && !line.starts_with("HTTP/1.0 ")) detail::refuse("no HTTP/1.x status line");
  const auto code = line.substr(9, 3);
  if (code.size() != 3 || !std::all_of(code.begin(), code.end(), detail::is_digit) || code[0] == '0' ||
      (line.size() > 12 && line[12] != ' '))
    detail::refuse("a status that is not of three digits");
  result_.status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (result_.status == 101) detail::refuse("101 Switching Protocols, which was not asked for");
}

HUBCACHE_DECL void response_parser::read_field(std::string_view line) {
  if (result_.headers.fields().size() == max_fields) detail::refuse("more than 200 response fields");
  const auto colon = line.find(':');
  if (colon == line.npos || !detail::is_token(line.substr(0, colon)))
    detail::refuse("a response field without a proper name");
  const auto value = detail::without_blanks(line.substr(colon + 1));
  result_.headers.add(std::string(line.substr(0, colon)), std::string(value));
}

HUBCACHE_DECL void response_parser::finish() {
  complete_ = true;
  const auto& headers = result_.headers;
  const auto length = detail::content_length(headers);
  const bool chunked = detail::is_chunked(headers);
  if (!chunked) result_.content_length = length;

  const int status = result_.status;
  const bool tunnel = connect_ && status >= 200 && status < 300;
  if (head_ || tunnel || status < 200 || status == 204 || status == 304) {
    framing_ = framing::none;
  } else if (chunked) {
    framing_ = framing::chunked;
  } else {
    framing_ = length ? framing::length : framing::until_close;
  }
  const bool asked = version_1_1_ ? !detail::has_connection_option(headers, "close")
                                  : detail::has_connection_option(headers, "keep-alive");
  // Both framings at once, or chunks from HTTP/1.0: someone in between may have read it the other way.
  const bool doubtful = chunked && (length || !version_1_1_);
  keep_alive_ = asked && !doubtful && framing_ != framing::until_close;
}

HUBCACHE_DECL std::string_view chunk_decoder::next(std::string_view& bytes) {
  while (!bytes.empty() && !done()) {
    if (state_ == state::data) {
      const auto piece =
          bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size())));
      bytes.remove_prefix(piece.size());
      size_ -= piece.size();
      if (size_ == 0) state_ = state::data_cr;
      return piece;
    }
    step(bytes.front());
    bytes.remove_prefix(1);
  }
  return {};
}

HUBCACHE_DECL void chunk_decoder::step(char c) {
  const auto expect = [c](char wanted, state next) {
    if (c != wanted) detail::refuse("a chunk that does not end where its size says");
    return next;
  };
  switch (state_) {
    case state::size:
      return read_size(c);
    case state::extension:
      if (++line_size_ > max_line_size) detail::refuse("a chunk extension over 4 KiB");
      if (c == '\r')
        state_ = state::size_end;
      else if (!detail::is_field_text({&c, 1}))
        detail::refuse("a control character in a chunk extension");
      return;
    case state::size_end:
      expect('\n', state::size_end);
      return end_size_line();
    case state::data_cr:
      state_ = expect('\r', state::data_lf);
      return;
    case state::data_lf:
      state_ = expect('\n', state::size);
      return;
    case state::last_end:
      state_ = expect('\n', state::done);
      return;
    case state::trailer_end:
      state_ = expect('\n', state::trailer_start);
      return;
    case state::trailer_start:
    case state::trailer:
      if (++line_size_ > max_trailer_size) detail::refuse("trailers over 16 KiB");
      if (c == '\r')
        state_ = state_ == state::trailer ? state::trailer_end : state::last_end;
      else if (!detail::is_field_text({&c, 1}))
        detail::refuse("a control character in a trailer");
      else
        state_ = state::trailer;
      return;
    case state::data:
    case state::done:
      return;
  }
}

HUBCACHE_DECL void chunk_decoder::read_size(char c) {
  if (++line_size_ > max_line_size) detail::refuse("a chunk size over 4 KiB");
  const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  if (detail::is_digit(lower) || (lower >= 'a' && lower <= 'f')) {
    if (size_ > (std::numeric_limits<std::uint64_t>::max() >> 4))
      detail::refuse("a chunk size that overflows");
    size_ = size_ << 4 | static_cast<std::uint64_t>(detail::is_digit(lower) ? lower - '0' : lower - 'a' + 10);
    digits_ = true;
  } else if (digits_ && c == '\r') {
    state_ = state::size_end;
  } else if (digits_ && (c == ';' || c == ' ' || c == '\t')) {
    state_ = state::extension;
  } else {
    detail::refuse("a chunk without a size");
  }
}

HUBCACHE_DECL void chunk_decoder::end_size_line() {
  state_ = size_ == 0 ? state::trailer_start : state::data;
  digits_ = false;
  line_size_ = 0;
}

HUBCACHE_DECL std::string format_request(const http_request& request, target_form form,
                                         const header_list& extra) {
  detail::check_method(request.method);
  const auto& target = request.target.target();
  if (std::any_of(target.begin(), target.end(), [](char c) { return c <= 0x20 || c == 0x7F; }))
    throw error(errc::invalid_argument, "the request target has characters that HTTP forbids");

  std::string out;
  out.reserve(512 + target.size() + request.body.size());
  out.append(request.method).append(" ");
  if (form == target_form::absolute) out.append(request.target.origin());
  out.append(target).append(" HTTP/1.1\r\n");
  detail::append_field(out, "Host", request.target.authority());
  detail::append_field(out, "Connection", "keep-alive");
  for (const auto& [name, value] : request.headers.fields()) {
    for (const auto reserved : {"Host", "Connection", "Content-Length", "Transfer-Encoding"}) {
      if (equal_without_case(name, reserved))
        throw error(errc::invalid_argument, "the request field \"" + name + "\" belongs to the transport");
    }
    detail::append_field(out, name, value);
  }
  const bool implied = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || implied)
    detail::append_field(out, "Content-Length", std::to_string(request.body.size()));
  for (const auto& [name, value] : extra.fields()) detail::append_field(out, name, value);
  return out.append("\r\n").append(request.body);
}

HUBCACHE_DECL std::string format_connect(const url& target, const header_list& extra) {
  const bool bracketed = target.host().find(':') != std::string::npos;
  const auto authority =
      (bracketed ? "[" + target.host() + "]" : target.host()) + ":" + std::to_string(target.port());
  std::string out = "CONNECT " + authority + " HTTP/1.1\r\n";
  detail::append_field(out, "Host", authority);
  for (const auto& [name, value] : extra.fields()) detail::append_field(out, name, value);
  return out.append("\r\n");
}

HUBCACHE_DECL bool offers_basic(const header_list& headers) {
  bool found = false;
  detail::each_member(headers, "Proxy-Authenticate", [&](std::string_view member) {
    found |= equal_without_case(member.substr(0, member.find(' ')), "Basic");
  });
  return found;
}

}  // namespace hubcache::inline v0_1::http1
