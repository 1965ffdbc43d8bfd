#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>

#include <doctest/doctest.h>

#include <conformance/hasher.hpp>
#include <support/temp_folder.hpp>

using hubcache::digest_algorithm;
using hubcache::errc;

namespace {

const hubcache::default_hashes hashes;

/// A file with some content, opened.
struct opened_content {
  explicit opened_content(std::string bytes) : text(std::move(bytes)) {
    std::error_code ec;
    file = hubcache::os::open_read(folder.write("content", text), ec);
    REQUIRE(!ec);
  }

  std::string text;
  test::temp_folder folder;
  hubcache::os::descriptor file;
};

}  // namespace

TEST_CASE("A file's digests are those of its bytes, whether it is empty, one block or several") {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{6}, std::size_t{1} << 20U, (std::size_t{2} << 20U) + 7}) {
    const opened_content content(test::patterned(size));
    std::error_code ec = errc::internal;
    for (const auto algorithm : {digest_algorithm::sha256, digest_algorithm::git_sha1}) {
      const auto name = hash_file(hashes, content.file, algorithm, size, {}, ec);
      CHECK(!ec);
      CHECK(name == test::digest_of(hashes.make(algorithm, size), content.text));
    }
    const auto both = hash_file_both(hashes, content.file, size, {}, ec);
    CHECK(!ec);
    REQUIRE(both);
    CHECK(both->sha256 == test::digest_of(hashes.make(digest_algorithm::sha256, size), content.text));
    CHECK(both->git_sha1 == test::digest_of(hashes.make(digest_algorithm::git_sha1, size), content.text));
  }
}

TEST_CASE("A file of another size than expected has no digest") {
  const opened_content content("hello\n");
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{7}, ~std::uint64_t{0}}) {
    std::error_code ec;
    CHECK(!hash_file(hashes, content.file, digest_algorithm::sha256, size, {}, ec));
    CHECK(ec == errc::size_mismatch);
    CHECK(!hash_file_both(hashes, content.file, size, {}, ec));
    CHECK(ec == errc::size_mismatch);
  }
}

TEST_CASE("A stop request ends the hashing of a file") {
  const opened_content content("hello\n");
  std::stop_source source;
  source.request_stop();
  std::error_code ec;
  CHECK(!hash_file(hashes, content.file, digest_algorithm::sha256, 6, source.get_token(), ec));
  CHECK(ec == errc::cancelled);
}

TEST_CASE("A file that cannot be read reports the system's error") {
  std::error_code ec;
  CHECK(!hash_file(hashes, hubcache::os::descriptor{}, digest_algorithm::sha256, 0, {}, ec));
  CHECK(ec == std::errc::bad_file_descriptor);
}
