#define HUBCACHE_IMPLEMENTATION
#include <hubcache.hpp>
