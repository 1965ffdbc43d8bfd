#include <hubcache/hub/answer.hpp>

#include <chrono>
#include <string>

#include "require.hpp"

// Three lines: RateLimit, RateLimit-Policy, Retry-After. The wait is from none to an hour.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  auto text = fuzz::as_text(data, size);
  header_list headers;
  for (const char* name : {"RateLimit", "RateLimit-Policy", "Retry-After"}) {
    headers.add(name, std::string(fuzz::take_part(text)));
  }
  const auto wait = retry_after(headers, std::chrono::system_clock::from_time_t(784'111'777));
  if (wait) fuzz::require(wait->count() >= 0 && *wait <= std::chrono::hours(1));
  const auto limit = parse_rate_limit(headers);
  if (limit && limit->remaining == 0) fuzz::require(wait.has_value());
  return 0;
}
