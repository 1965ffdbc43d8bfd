#pragma once
/// @file
/// JSON text, written member by member.

#include <hubcache/hub/json_text.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace command {

/// Writes the members of one JSON object.
class json_object {
 public:
  json_object& text(std::string_view key, std::string_view value) {
    begin(key);
    hubcache::append_json_string(out_, value, false);
    return *this;
  }
  /// Null if `value` is empty.
  json_object& text_or_null(std::string_view key, std::string_view value) {
    return value.empty() ? raw(key, "null") : text(key, value);
  }
  json_object& number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  json_object& boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  /// `value` is JSON text.
  json_object& raw(std::string_view key, std::string_view value) {
    begin(key);
    out_ += value;
    return *this;
  }
  [[nodiscard]] std::string close() && { return std::move(out_) + "}"; }

 private:
  void begin(std::string_view key) {
    if (out_.size() > 1) out_ += ", ";
    hubcache::append_json_string(out_, key, false);
    out_ += ": ";
  }
  std::string out_ = "{";
};

/// "[...]" of what `json_of` makes of each item.
template <class Items, class JsonOf>
[[nodiscard]] std::string json_array(const Items& items, JsonOf json_of) {
  std::string out = "[";
  for (const auto& item : items) out.append(out.size() > 1 ? ", " : "").append(json_of(item));
  return out + "]";
}

/// `text` as a JSON string, quotes included.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  std::string out;
  hubcache::append_json_string(out, text, false);
  return out;
}

}  // namespace command
