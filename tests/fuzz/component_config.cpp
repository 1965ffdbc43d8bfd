#include <hubcache/format/component_config.hpp>

#include "require.hpp"

// A class that is told has a name and a library that loaders know.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto text = fuzz::as_text(data, size);
  for (const auto* file :
       {"config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json"}) {
    const auto found = class_in_config(file, text);
    if (!found) continue;
    fuzz::require(!found->name.empty());
    fuzz::require(found->library == "diffusers" || found->library == "transformers");
  }
  fuzz::require(!class_in_config("other.json", text));
  return 0;
}
