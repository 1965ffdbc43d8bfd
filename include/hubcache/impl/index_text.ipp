#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/index_text.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/text.hpp>

#include <cstddef>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// Where the values of an object's members stand, one after the other: what simdjson does not tell. Only for a text
/// that was read as JSON.
class json_value_spans {
 public:
  /// @param object  where its '{' stands in `text`
  json_value_spans(std::string_view text, std::size_t object) : text_(text), at_(object + 1) {}

  /// The next value, from its first byte to behind its last. @pre there is one
  std::pair<std::size_t, std::size_t> next() {
    at_ = text_.find('"', at_);
    skip_value();
    at_ = text_.find_first_not_of(" \t\r\n:", at_);
    const auto begin = at_;
    skip_value();
    return {begin, at_};
  }

 private:
  void skip_string() {
    for (++at_; text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }
  void skip_value() {
    if (text_[at_] != '"' && text_[at_] != '{' && text_[at_] != '[') {
      at_ = text_.find_first_of(",]} \t\r\n", at_);
      return;
    }
    std::size_t depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
    } while (depth > 0);
  }

  std::string_view text_;
  std::size_t at_;
};

HUBCACHE_DECL simdjson::dom::object index_object(json_document& document, std::string_view text) {
  simdjson::dom::object object;
  if (!document.read(text) || document.root().get(object) != simdjson::SUCCESS) {
    throw error(errc::malformed_file, "it is no JSON object");
  }
  return object;
}

/// The "weight_map" whose value is `map` and begins at `at` in `text`, with its values exchanged.
HUBCACHE_DECL std::string exchanged_shards(std::string_view text, std::size_t at,
                                           const simdjson::dom::element& map,
                                           const std::map<std::string, std::string, std::less<>>& names) {
  simdjson::dom::object tensors;
  if (map.get(tensors) != simdjson::SUCCESS) throw error(errc::malformed_file, "its weight_map is no object");
  std::string out;
  json_value_spans spans(text, at);
  for (const auto [tensor, value] : tensors) {
    const auto [begin, end] = spans.next();
    std::string_view name;
    const bool is_text = value.get(name) == simdjson::SUCCESS;
    const auto found = is_text ? names.find(name) : names.end();
    if (found == names.end()) {
      throw error(errc::malformed_file, "its weight_map has the tensor '" + printable(tensor) + "' in " +
                                            (is_text ? "'" + printable(name) + "'" : std::string("no text")) +
                                            ", which is none of the files beside it");
    }
    out.append(text.substr(at, begin - at));
    append_json_string(out, found->second, false);
    at = end;
  }
  return out.append(text.substr(at, text.find('}', at) + 1 - at));
}

}  // namespace detail

HUBCACHE_DECL std::string with_members(std::string_view text,
                                       const std::map<std::string, std::string, std::less<>>& values) {
  detail::json_document document;
  const auto object = detail::index_object(document, text);
  std::string out;
  std::size_t at = 0;
  std::set<std::string_view> there;
  detail::json_value_spans spans(text, text.find('{'));
  for (const auto [name, value] : object) {
    const auto [begin, end] = spans.next();
    if (const auto found = values.find(name); found != values.end()) {
      out.append(text.substr(at, begin - at)).append(found->second);
      there.insert(found->first);
    } else {
      out.append(text.substr(at, end - at));
    }
    at = end;
  }
  bool first = at == 0;
  if (first) out = text.substr(0, at = text.find('{') + 1);
  for (const auto& [name, value] : values) {
    if (there.contains(name)) continue;
    out.append(std::exchange(first, false) ? "\n  " : ",\n  ");
    append_json_string(out, name, false);
    out.append(": ").append(value);
  }
  return out.append(text.substr(at));
}

HUBCACHE_DECL std::string with_shard_names(std::string_view text,
                                           const std::map<std::string, std::string, std::less<>>& names) {
  detail::json_document document;
  const auto object = detail::index_object(document, text);
  std::string out;
  std::size_t at = 0;
  bool mapped = false;
  detail::json_value_spans spans(text, text.find('{'));
  for (const auto [name, value] : object) {
    const auto [begin, end] = spans.next();
    if (name != "weight_map") continue;
    out.append(text.substr(at, begin - at));
    out.append(detail::exchanged_shards(text, begin, value, names));
    at = end;
    mapped = true;
  }
  if (!mapped) throw error(errc::malformed_file, "it has no weight_map");
  return out.append(text.substr(at));
}

}  // namespace hubcache::inline v0_1
