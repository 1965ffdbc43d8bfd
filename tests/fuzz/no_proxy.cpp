#include <hubcache/transport/proxy.hpp>

#include <string>

#include "require.hpp"

// First line: a URL; the rest: a value of NO_PROXY.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  auto text = fuzz::as_text(data, size);
  const auto target = url::parse(fuzz::take_part(text));
  if (!target) return 0;
  const bool direct = bypasses_proxy(text, *target);
  const std::string list(text);
  // A list is what one of its entries is, and the host itself is one that always matches.
  fuzz::require(bypasses_proxy("a.test," + list, *target) == (direct || bypasses_proxy("a.test", *target)));
  fuzz::require(bypasses_proxy(list + ",*", *target));
  const bool bracketed = target->host().find(':') != std::string::npos;
  const auto host = bracketed ? "[" + target->host() + "]" : target->host();
  fuzz::require(bypasses_proxy(list + "," + host, *target));
  fuzz::require(!direct || list.find_first_not_of(", \t") != list.npos);
  return 0;
}
