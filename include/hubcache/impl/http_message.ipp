#pragma once

#include <hubcache/http_message.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::optional<std::string_view> header_list::find(std::string_view name) const noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto same = [&](char a, char b) { return lower(a) == lower(b); };
  for (const auto& [key, value] : fields_) {
    if (std::equal(key.begin(), key.end(), name.begin(), name.end(), same)) {
      const std::string_view text = value;
      const auto first = text.find_first_not_of(" \t");
      if (first == text.npos) return std::string_view{};
      return text.substr(first, text.find_last_not_of(" \t") - first + 1);
    }
  }
  return std::nullopt;
}

}  // namespace hubcache::inline v0_1
