// Does not compile: each policy lacks a member, or has one that returns something else. check.cmake reads what the
// compiler says.
#include <hubcache/cache.hpp>
#include <hubcache/index/memory_index.hpp>

#include <string>
#include <system_error>
#include <vector>

namespace lacks {

struct transport {};

struct hashes {};

struct links {};

struct index {
  std::vector<hubcache::place> find(const hubcache::digest&) const;
  std::size_t insert(std::span<const hubcache::index_record>);
  void forget(const hubcache::digest&, const std::string&);
  std::uint64_t size() const;
};

struct sha256 {
  static constexpr auto algorithm = hubcache::digest_algorithm::sha256;
  void update(hubcache::byte_view) noexcept;
};

}  // namespace lacks

namespace returns {

struct transport {
  hubcache::http_response exchange(const hubcache::http_request&, hubcache::body_sink&);
};

struct hashes {
  hubcache::digest make(hubcache::digest_algorithm, std::uint64_t) const;
};

struct links {
  bool link(const hubcache::opened_file&, const hubcache::link_target&, hubcache::link_kinds,
            std::error_code&) const;
};

struct index {
  std::vector<std::string> find(const hubcache::digest&) const;
  std::size_t insert(std::span<const hubcache::index_record>);
  void forget(const hubcache::digest&, const std::string&);
  void each(hubcache::record_visitor) const;
  std::uint64_t size() const;
};

struct sha256 {
  static constexpr auto algorithm = hubcache::digest_algorithm::sha256;
  void update(hubcache::byte_view) noexcept;
  std::string finish() noexcept;
};

}  // namespace returns

// One policy a cache: clang stops at the first that is broken.
using net = hubcache::https_transport;
using hash = hubcache::default_hashes;
using link_by = hubcache::default_link;
using known = hubcache::mapped_index;
static_assert(sizeof(hubcache::basic_cache<lacks::transport, hash, link_by, known>) != 0);
static_assert(sizeof(hubcache::basic_cache<net, lacks::hashes, link_by, known>) != 0);
static_assert(sizeof(hubcache::basic_cache<net, hash, lacks::links, known>) != 0);
static_assert(sizeof(hubcache::basic_cache<net, hash, link_by, lacks::index>) != 0);
static_assert(sizeof(hubcache::hash_set<lacks::sha256, hubcache::openssl_sha1>) != 0);
static_assert(sizeof(hubcache::basic_cache<returns::transport, hash, link_by, known>) != 0);
static_assert(sizeof(hubcache::basic_cache<net, returns::hashes, link_by, known>) != 0);
static_assert(sizeof(hubcache::basic_cache<net, hash, returns::links, known>) != 0);
static_assert(sizeof(hubcache::basic_cache<net, hash, link_by, returns::index>) != 0);
static_assert(sizeof(hubcache::hash_set<returns::sha256, hubcache::openssl_sha1>) != 0);

/// Keeps the contract, but the cache cannot make one.
struct index_of_a_server : hubcache::memory_index {
  explicit index_of_a_server(int port);
};
void open_without() {
  hubcache::basic_cache<hubcache::https_transport, hubcache::default_hashes, hubcache::default_link,
                        index_of_a_server>
      cache(hubcache::settings{});
}
void give_twice() {
  const auto make = [](const auto& executor, const auto&) { return hubcache::https_transport(executor); };
  hubcache::cache cache(hubcache::settings{}, make, make);
}
void give_something_else() { hubcache::cache cache(hubcache::settings{}, std::string("/srv/index")); }
