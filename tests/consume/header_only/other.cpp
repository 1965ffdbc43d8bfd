#include <hubcache/store/environment.hpp>

hubcache::settings settings_from_elsewhere() {
  auto config = hubcache::environment_settings();
  config.offline = true;
  return config;
}
