#include "support/hub/http.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace embedded {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint32_t crc32(std::string_view bytes) noexcept {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

void fields::set(std::string_view name, std::string value) {
  erase(name);
  add(std::string(name), std::move(value));
}

void fields::erase(std::string_view name) {
  std::erase_if(all_, [&](const auto& field) { return same_name(field.first, name); });
}

const std::string* fields::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : all_) {
    if (same_name(key, name)) return &value;
  }
  return nullptr;
}

std::optional<std::string> request::parameter(std::string_view name) const {
  auto values = form_values(query, name);
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

bool request::flag(std::string_view name) const {
  const auto value = parameter(name);
  return value && (*value == "true" || *value == "True" || *value == "1");
}

bool request::wants_close() const {
  const std::string* connection = headers.find("Connection");
  if (connection != nullptr && same_name(*connection, "close")) return true;
  return http_1_0 && !(connection != nullptr && same_name(*connection, "keep-alive"));
}

bool request::accepts_gzip() const {
  const std::string* accepted = headers.find("Accept-Encoding");
  if (accepted == nullptr) return false;
  for (const std::string_view part : split(*accepted, ',')) {
    const auto pieces = split(part, ';');
    if (same_name(trimmed(pieces.front()), "gzip")) return pieces.size() < 2 || trimmed(pieces[1]) != "q=0";
  }
  return false;
}

void response::text(std::string bytes, std::string type) {
  length = bytes.size();
  offset = 0;
  content = file_content::of(std::move(bytes));
  is_file = false;
  headers.set("Content-Type", std::move(type));
}

std::optional<request> parse_request(std::string_view head) {
  request result;
  bool first = true;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (first) {
      const auto parts = split(line, ' ');
      if (parts.size() != 3 || !parts[2].starts_with("HTTP/1.")) return std::nullopt;
      result.method = parts[0];
      result.target = parts[1];
      result.http_1_0 = parts[2] == "HTTP/1.0";
      first = false;
    } else if (!line.empty()) {
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) return std::nullopt;
      result.headers.add(std::string(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
    }
  }
  if (first) return std::nullopt;
  const auto mark = result.target.find('?');
  result.path = result.target.substr(0, mark);
  if (mark != std::string::npos) result.query = result.target.substr(mark + 1);
  return result;
}

byte_range parse_range(std::string_view field, std::uint64_t size) {
  using kind = byte_range::kind;
  if (!field.starts_with("bytes=")) return {};
  field.remove_prefix(6);
  const auto dash = field.find('-');
  if (dash == std::string_view::npos || field.find(',') != std::string_view::npos) return {};
  const auto from = number(field.substr(0, dash));
  const auto to = number(field.substr(dash + 1));
  if (dash == 0) {  // the last n bytes
    if (!to) return {};
    if (*to == 0 || size == 0) return {kind::unsatisfiable, 0, 0};
    return {kind::valid, size - std::min(*to, size), size - 1};
  }
  const bool open_ended = dash + 1 == field.size();
  if (!from || (!to && !open_ended) || (to && *to < *from)) return {};
  if (*from >= size) return {kind::unsatisfiable, 0, 0};
  return {kind::valid, *from, open_ended ? size - 1 : std::min(*to, size - 1)};
}

std::string_view reason(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 206:
      return "Partial Content";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string percent_encoded(std::string_view text, std::string_view keep) {
  static constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";
  std::string result;
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos || keep.find(c) != std::string_view::npos) {
      result += c;
    } else {
      const unsigned byte = static_cast<unsigned char>(c);
      result += {'%', "0123456789ABCDEF"[byte >> 4U], "0123456789ABCDEF"[byte & 15U]};
    }
  }
  return result;
}

std::vector<std::string> form_values(std::string_view form, std::string_view name) {
  std::vector<std::string> values;
  if (form.empty()) return values;
  for (const std::string_view pair : split(form, '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    std::string key(pair.substr(0, equals));
    std::string value(pair.substr(std::min(equals + 1, pair.size())));
    std::replace(key.begin(), key.end(), '+', ' ');
    std::replace(value.begin(), value.end(), '+', ' ');
    if (percent_decoded(key) == name) values.push_back(percent_decoded(value));
  }
  return values;
}

std::string json_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string gzip_stored(std::string_view bytes) {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::string_view left = bytes;
  do {
    const std::string_view block = left.substr(0, 65535);
    left.remove_prefix(block.size());
    out += left.empty() ? '\1' : '\0';
    append_little_endian(out, block.size(), 2);
    append_little_endian(out, ~block.size(), 2);
    out += block;
  } while (!left.empty());
  append_little_endian(out, crc32(bytes), 4);
  append_little_endian(out, bytes.size(), 4);
  return out;
}

}  // namespace embedded
