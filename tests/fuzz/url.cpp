#include <hubcache/error.hpp>
#include <hubcache/hub/endpoint.hpp>
#include <hubcache/hub/route.hpp>
#include <hubcache/url.hpp>

#include <string>

#include "require.hpp"

namespace {

/// A url is what its text reads as, and holds nothing that could break out of a request line.
void check(const hubcache::url& u) {
  fuzz::require(hubcache::url::parse(u.text()) == u);
  fuzz::require(u.target().starts_with('/') && !u.host().empty() && u.port() != 0);
  for (const char c : u.text()) fuzz::require(c > ' ' && c < 0x7F && c != '#');
  fuzz::require(u.redacted().size() <= u.text().size() + 3);
}

}  // namespace

// First line: a URL; the rest: a reference that resolves against it, as one redirect does.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  auto text = fuzz::as_text(data, size);
  const auto base = url::parse(fuzz::take_part(text));
  if (!base) return 0;
  check(*base);
  if (const auto next = base->resolve(text)) check(*next);
  try {
    const route first = start_route(*base, *base, true, true);
    const route second = follow(first, text, *base);
    check(second.where);
    fuzz::require(second.with_token == second.where.same_origin(*base));
    fuzz::require(second.where.secure() || !base->secure());
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::refused);
  }
  return 0;
}
