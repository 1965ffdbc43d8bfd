#include <hubcache/hub/answer.hpp>

#include <string>

#include "require.hpp"

// No Link header leads to another origin.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto current = *url::parse("https://hub.example/api/models/o/n/tree/main?recursive=true");
  header_list headers;
  headers.add("Link", std::string(fuzz::as_text(data, size)));
  try {
    if (const auto next = next_page(headers, current)) fuzz::require(next->same_origin(current));
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::refused || e.reason() == errc::bad_response);
  }
  return 0;
}
