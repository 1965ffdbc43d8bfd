// The other source file of the program, with a use of hubcache of its own.
#include <hubcache.hpp>

#include "embedder.hpp"

int main() {
  hubcache::settings config;
  config.cache_dir = "/no such folder";
  config.state_dir = "/no such folder";
  config.offline = true;
  hubcache::cache shared(config);
  const model_store own(config), other(shared);
  const hubcache::repo which("acme/llm");
  return !own.has(which, {}) && !other.has(which, {}) && !shared.cached(which) ? 0 : 1;
}
