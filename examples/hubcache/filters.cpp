#include "filters.hpp"

#include <hubcache/error.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "quantities.hpp"

namespace command {

namespace {

enum class comparison : unsigned char { equal, unequal, greater, less, at_least, at_most };

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

std::string_view trimmed(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

hubcache::error invalid(std::string_view text, const std::string& why) {
  return {hubcache::errc::invalid_argument, "'" + hubcache::printable(text) + "' " + why};
}

template <class T>
bool holds(const T& left, comparison how, const T& right) {
  switch (how) {
    case comparison::equal:
      return left == right;
    case comparison::unequal:
      return left != right;
    case comparison::greater:
      return left > right;
    case comparison::less:
      return left < right;
    case comparison::at_least:
      return left >= right;
    case comparison::at_most:
      break;
  }
  return left <= right;
}

std::optional<comparison> parse_comparison(std::string_view text) {
  using enum comparison;
  static constexpr std::array<std::pair<std::string_view, comparison>, 6> all{
      {{"=", equal}, {"!=", unequal}, {">", greater}, {"<", less}, {">=", at_least}, {"<=", at_most}}};
  for (const auto& [name, how] : all) {
    if (text == name) return how;
  }
  return std::nullopt;
}

row_filter size_filter(comparison how, std::uint64_t bytes) {
  return [how, bytes](const cache_row& row) { return holds(row.size, how, bytes); };
}

row_filter age_filter(bool accessed, comparison how, std::chrono::seconds limit, std::int64_t now_ns) {
  return [=](const cache_row& row) {
    const auto then_ns = accessed ? row.accessed_ns : row.modified_ns;
    const auto age = (static_cast<double>(now_ns) - static_cast<double>(then_ns)) / 1e9;
    return holds(age, how, static_cast<double>(limit.count()));
  };
}

}  // namespace

row_filter parse_filter(std::string_view text, std::int64_t now_ns) {
  const auto op_begin = text.find_first_of("=!<>");
  const auto op_end = std::min(text.find_first_not_of("=!<>", op_begin), text.size());
  const auto key = lower(trimmed(text.substr(0, op_begin)));
  const auto how =
      op_begin == text.npos ? std::nullopt : parse_comparison(text.substr(op_begin, op_end - op_begin));
  const auto value = trimmed(text.substr(op_end));
  if (!how || value.empty()) {
    throw invalid(text, "is no filter: use KEY OP VALUE with OP one of = != > < >= <=, as in size>10GB");
  }
  if (key == "size") return size_filter(*how, parse_bytes(value));
  if (key == "accessed" || key == "modified")
    return age_filter(key == "accessed", *how, parse_duration(value), now_ns);
  if (key != "type" && key != "refs") {
    throw invalid(text, "has an unknown key: use one of accessed, modified, refs, size, type");
  }
  if (*how != comparison::equal) throw invalid(text, "can only use = with " + key);
  if (key == "type") return [wanted = lower(value)](const cache_row& row) { return row.type == wanted; };
  return [wanted = lower(value)](const cache_row& row) {
    return std::any_of(row.refs.begin(), row.refs.end(),
                       [&](const std::string& ref) { return lower(ref) == wanted; });
  };
}

row_order parse_order(std::string_view text) {
  const auto colon = text.find(':');
  const auto key = text.substr(0, colon);
  const auto direction =
      colon == text.npos ? std::string_view(key == "name" ? "asc" : "desc") : text.substr(colon + 1);
  row_order ascending;
  if (key == "accessed") {
    ascending = [](const cache_row& a, const cache_row& b) { return a.accessed_ns < b.accessed_ns; };
  } else if (key == "modified") {
    ascending = [](const cache_row& a, const cache_row& b) { return a.modified_ns < b.modified_ns; };
  } else if (key == "name") {
    ascending = [](const cache_row& a, const cache_row& b) { return a.label < b.label; };
  } else if (key == "size") {
    ascending = [](const cache_row& a, const cache_row& b) { return a.size < b.size; };
  } else if (key == "unique" || key == "freed") {
    ascending = [](const cache_row& a, const cache_row& b) { return a.unique < b.unique; };
  }
  if (!ascending || (direction != "asc" && direction != "desc")) {
    throw invalid(text,
                  "is no order: use one of accessed, modified, name, size, unique, freed, with :asc or :desc "
                  "behind it if you like");
  }
  if (direction == "asc") return ascending;
  return [ascending](const cache_row& a, const cache_row& b) { return ascending(b, a); };
}

}  // namespace command
