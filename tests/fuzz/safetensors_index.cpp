#include <hubcache/error.hpp>
#include <hubcache/format/safetensors_index.hpp>
#include <hubcache/hub/json_text.hpp>

#include <string>

#include "require.hpp"

// The weight map of an index is the same after it was written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  safetensors_index index;
  try {
    index = parse_safetensors_index(fuzz::as_text(data, size));
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::malformed_file && !e.detail().empty());
    return 0;
  }
  std::string text;
  for (const auto& [tensor, file] : index.weight_map) {
    text += text.empty() ? "" : ",";
    append_json_string(text, tensor, false);
    text += ':';
    append_json_string(text, file, false);
  }
  fuzz::require(parse_safetensors_index(R"({"weight_map":{)" + text + "}}").weight_map == index.weight_map);
  return 0;
}
