#include <hubcache/error.hpp>
#include <hubcache/store/store_config.hpp>

#include <string>

#include "require.hpp"

// Text is a configuration of absolute paths, or refused as such; the same holds for a list of stores.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const variable_lookup none = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const variables env(none);
  const auto text = fuzz::as_text(data, size);
  const auto check = [](const auto& parse) {
    try {
      for (const auto& entry : parse()) {
        fuzz::require(entry.path.starts_with('/') && entry.path.find('\0') == entry.path.npos);
      }
    } catch (const error& e) {
      fuzz::require(e.reason() == errc::invalid_argument && !e.detail().empty());
    }
  };
  check([&] { return parse_store_config(text, "stores.toml", env).stores; });
  check([&] { return parse_store_list(text, env); });
  return 0;
}
