// What the consumers build: a program that needs all of the library, and asks nothing of the network.
#include <hubcache.hpp>

int main() {
  hubcache::settings config;
  config.cache_dir = "/nonexistent/hub";
  config.state_dir = "/nonexistent/state";
  config.offline = true;
  hubcache::cache cache(config);
  try {
    cache.snapshot("acme/none");
  } catch (const hubcache::error& e) {
    return e.reason() == hubcache::errc::not_cached ? 0 : 1;
  }
  return 1;
}
