// What is outside <hubcache.hpp> is there for those who ask for it.
#include <hubcache/hash/cryptopp.hpp>
#include <hubcache/hash/openssl.hpp>

int main() {
  const auto bytes = hubcache::as_byte_view("abc");
  hubcache::cryptopp_sha256 one;
  hubcache::openssl_sha256 other;
  one.update(bytes);
  other.update(bytes);
  return one.finish() == other.finish() ? 0 : 1;
}
