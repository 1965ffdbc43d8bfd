// The library's code that speaks over the network, without TLS.
#include <hubcache/impl/src_network.hpp>

#ifdef OPENSSL_SSL_H
#error "a header of libssl was included"
#endif
