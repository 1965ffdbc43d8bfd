#include <hubcache/impl/src_network.hpp>
