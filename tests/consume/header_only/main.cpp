// The library as most embedders use it: headers only, included in more than one source file.
#include <hubcache.hpp>

hubcache::settings settings_from_elsewhere();

int main() {
  const hubcache::cache cache(settings_from_elsewhere());
  return cache.config().offline ? 0 : 1;
}
