#include <hubcache/error.hpp>
#include <hubcache/hub/route.hpp>

#include <algorithm>
#include <string>

#include "require.hpp"

namespace {

using hubcache::route;
using hubcache::url;

void check_token(const route& at, const url& endpoint) {
  if (!at.with_token) return;
  fuzz::require(at.where.same_origin(endpoint));
  fuzz::require(at.where.secure() || at.where.is_loopback());
}

}  // namespace

// First line: the endpoint; second: what is asked for; each further line: a Location. Wherever they lead, the token
// goes to the endpoint alone and not in the clear, https stays https, and the way ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  auto text = fuzz::as_text(data, size);
  const auto endpoint = url::parse(fuzz::take_part(text));
  const auto target = url::parse(fuzz::take_part(text));
  if (!endpoint || !target) return 0;
  try {
    auto at = start_route(*target, *endpoint, true, false);
    check_token(at, *endpoint);
    while (!text.empty()) {
      const auto next = follow(at, fuzz::take_part(text), *endpoint);
      check_token(next, *endpoint);
      fuzz::require(at.with_token || !next.with_token);
      fuzz::require(!at.where.secure() || next.where.secure());
      fuzz::require(next.hops == at.hops + 1 && next.hops <= max_redirects);
      fuzz::require(url::parse(next.where.text()) == next.where);
      at = next;
    }
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::refused);
    const auto& shown = e.context().url;
    fuzz::require(shown.substr(std::min(shown.find('?'), shown.size())).size() <= 4);  // "?..." at most
  }
  return 0;
}
