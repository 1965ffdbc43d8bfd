#include <hubcache/hub/json_text.hpp>
#include <hubcache/hub/parse.hpp>

#include <string>

#include "require.hpp"

// A string map is the same after it was written, escaped or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto map = parse_string_map(fuzz::as_text(data, size));
  if (!map) return 0;
  for (const bool ascii_only : {false, true}) {
    std::string text = "{";
    for (const auto& [key, value] : *map) {
      if (text.size() > 1) text += ',';
      append_json_string(text, key, ascii_only);
      text += ':';
      append_json_string(text, value, ascii_only);
    }
    fuzz::require(parse_string_map(text + '}') == map);
  }
  return 0;
}
