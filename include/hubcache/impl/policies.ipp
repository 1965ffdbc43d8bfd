#pragma once

#include <hubcache/policies.hpp>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL transport_options detail::transport_settings(const settings& config) {
  transport_options options;
  options.proxy = config.proxy;
  options.ca_file = config.ca_file;
  options.ca_dir = config.ca_dir;
  return options;
}

}  // namespace hubcache::inline v0_1
