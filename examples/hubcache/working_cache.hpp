#pragma once
/// @file
/// A cache for asynchronous calls in the foreground.

#include <hubcache/cache.hpp>

#include "foreground.hpp"

namespace command {

/// A cache on the thread of `here`, and workers.
struct working_cache {
  working_cache(const hubcache::settings& config, console& display)
      : here(display), cache(here.executor(), pool, config) {}

  foreground here;
  hubcache::workers pool;
  hubcache::cache cache;
};

}  // namespace command
