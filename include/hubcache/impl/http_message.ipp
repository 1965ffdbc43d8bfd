#pragma once

#include <hubcache/http_message.hpp>
#include <hubcache/text.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::optional<std::string_view> header_list::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : fields_) {
    if (equal_without_case(key, name)) {
      const std::string_view text = value;
      const auto first = text.find_first_not_of(" \t");
      if (first == text.npos) return std::string_view{};
      return text.substr(first, text.find_last_not_of(" \t") - first + 1);
    }
  }
  return std::nullopt;
}

}  // namespace hubcache::inline v0_1
