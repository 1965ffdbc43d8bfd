#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/variables.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::string to_case(std::string text, int (*convert)(int)) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [convert](unsigned char c) { return static_cast<char>(convert(c)); });
  return text;
}

}  // namespace detail

HUBCACHE_DECL std::string variables::text(const std::string& name) const {
  return lookup_(name).value_or("");
}

HUBCACHE_DECL std::string variables::first(std::initializer_list<const char*> names) const {
  for (const char* name : names) {
    if (auto value = text(name); !value.empty()) return value;
  }
  return {};
}

HUBCACHE_DECL bool variables::flag(std::initializer_list<const char*> names) const {
  return std::any_of(names.begin(), names.end(), [this](const char* name) {
    const auto value = detail::to_case(text(name), std::toupper);
    return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
  });
}

HUBCACHE_DECL std::string variables::either_case(const std::string& name) const {
  auto value = text(detail::to_case(name, std::tolower));
  return value.empty() ? text(name) : value;
}

HUBCACHE_DECL std::chrono::milliseconds variables::seconds(const std::string& name,
                                                           std::chrono::milliseconds otherwise) const {
  const auto value = text(name);
  if (value.empty()) return otherwise;
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure != std::errc{} || end != value.data() + value.size() || number == 0 || number > 86'400) {
    throw error(errc::invalid_argument, name + " must be a whole number of seconds from 1 to 86400");
  }
  return std::chrono::seconds(number);
}

HUBCACHE_DECL std::string variables::expanded(std::string value) const {
  if (value == "~" || value.starts_with("~/")) value.replace(0, 1, home());
  std::string result;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '$') {
      result += value[i];
      continue;
    }
    const bool braced = i + 1 < value.size() && value[i + 1] == '{';
    const auto from = i + (braced ? 2 : 1);
    auto end = from;
    while (end < value.size() &&
           (std::isalnum(static_cast<unsigned char>(value[end])) != 0 || value[end] == '_')) {
      ++end;
    }
    const bool closed = !braced || (end < value.size() && value[end] == '}');
    const auto replacement = lookup_(value.substr(from, end - from));
    if (end == from || !closed || !replacement) {
      result += '$';
      continue;
    }
    result += *replacement;
    i = braced ? end : end - 1;
  }
  return result;
}

HUBCACHE_DECL std::string variables::folder(const std::string& value) const {
  return os::absolute_path(expanded(value));
}

HUBCACHE_DECL std::string variables::home() const {
  auto value = text("HOME");
  return value.empty() ? "/" : value;
}

HUBCACHE_DECL std::string variables::user_cache() const {
  const auto value = text("XDG_CACHE_HOME");
  return folder(value.empty() ? home() + "/.cache" : value);
}

HUBCACHE_DECL std::string variables::hf_home() const {
  const auto value = text("HF_HOME");
  return value.empty() ? user_cache() + "/huggingface" : folder(value);
}

}  // namespace hubcache::inline v0_1
