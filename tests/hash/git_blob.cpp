#include <hubcache/hash/git_blob.hpp>
#include <hubcache/hash/openssl.hpp>

#include <doctest/doctest.h>

#include <conformance/hasher.hpp>

namespace {

std::string git_name(std::string_view text) {
  return test::digest_of(hubcache::git_blob_hasher<hubcache::openssl_sha1>(text.size()), text).hex();
}

}  // namespace

TEST_CASE("Blobs get the names that git hash-object gives") {
  CHECK(git_name("") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  CHECK(git_name("hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST_CASE("A finished blob hasher is ready for another content of the same size") {
  hubcache::git_blob_hasher<hubcache::openssl_sha1> h(6);
  CHECK(test::digest_of(h, "world\n") != test::digest_of(h, "hello\n"));
  CHECK(test::digest_of(h, "hello\n").hex() == "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST_CASE("A blob hasher that was moved goes on with its stream") {
  hubcache::git_blob_hasher<hubcache::openssl_sha1> h(6);
  h.update(hubcache::as_byte_view("hel"));
  auto moved = std::move(h);
  CHECK(test::digest_of(moved, "lo\n").hex() == "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST_CASE("A blob's name depends on its announced size") {
  CHECK(test::digest_of(hubcache::git_blob_hasher<hubcache::openssl_sha1>(7), "hello\n").hex() !=
        git_name("hello\n"));
}
