#pragma once
/// @file
/// Names only, and the default policies: nearly free to include.

#include <hubcache/config.hpp>

namespace hubcache::inline v0_1 {

class digest;
class error;
class observer_ref;
class repo;
class snapshot_options;
class url;
class workers;
struct content;
struct listing;
struct plan;
struct settings;
struct snapshot;

class https_transport;
class mapped_index;
class openssl_sha256;
class openssl_sha1;
class reflink;
class hard_link;
class symlink;
class copy;
template <class Sha256, class Sha1>
class hash_set;
template <class... Strategies>
class first_of;

template <class Transport, class Hashes, class Link, class Index>
class basic_cache;

/// The ready-made cache: HTTPS over Asio and OpenSSL; the fastest hashes here; reflink, hard link or copy; the
/// memory-mapped index.
using cache = basic_cache<https_transport, hash_set<openssl_sha256, openssl_sha1>,
                          first_of<reflink, hard_link, symlink, copy>, mapped_index>;

}  // namespace hubcache::inline v0_1
