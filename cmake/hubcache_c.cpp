#include <hubcache/impl/c_api.ipp>
