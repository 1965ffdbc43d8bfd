#include <hubcache/impl/src_core.hpp>
