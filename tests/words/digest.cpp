#include <hubcache/digest.hpp>

#include <doctest/doctest.h>

#include <string>
#include <unordered_set>

using namespace hubcache;

TEST_CASE("a digest reads and writes lower-case hex of 40 or 64 digits") {
  const std::string sha1 = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
  const std::string sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  REQUIRE(digest::parse(sha1));
  CHECK(digest::parse(sha1)->algorithm() == digest_algorithm::git_sha1);
  CHECK(digest::parse(sha1)->hex() == sha1);
  REQUIRE(digest::parse(sha256));
  CHECK(digest::parse(sha256)->algorithm() == digest_algorithm::sha256);
  CHECK(digest::parse(sha256)->hex() == sha256);
}

TEST_CASE("what is not exactly a digest in hex is none") {
  CHECK_FALSE(digest::parse(""));
  CHECK_FALSE(digest::parse(std::string(63, '0')));
  CHECK_FALSE(digest::parse(std::string(41, '0')));
  CHECK_FALSE(digest::parse(std::string(64, '*')));
  CHECK_FALSE(digest::parse(std::string(40, 'A')));
  CHECK_FALSE(digest::parse(std::string(39, '0') + "g"));
  CHECK_FALSE(digest::parse("0x" + std::string(38, '0')));
}

TEST_CASE("a digest takes as many bytes as its algorithm has") {
  const std::string bytes(40, '\x5a');
  CHECK(digest(digest_algorithm::sha256, as_byte_view(bytes)).hex() ==
        std::string(32, '5').replace(0, 32, [] {
          std::string hex;
          for (int i = 0; i < 32; ++i) hex += "5a";
          return hex;
        }()));
  CHECK(digest(digest_algorithm::git_sha1, as_byte_view(bytes)).bytes().size() == 20);
  CHECK(digest(digest_algorithm::git_sha1, as_byte_view(bytes)) ==
        digest(digest_algorithm::git_sha1, as_byte_view(bytes.substr(0, 20))));
}

TEST_CASE("missing bytes of a digest are zero") {
  CHECK(digest(digest_algorithm::git_sha1, byte_view{}).hex() == std::string(40, '0'));
  CHECK(digest(digest_algorithm::git_sha1, as_byte_view("\x01")).hex() == "01" + std::string(38, '0'));
}

TEST_CASE("digests of different algorithms differ, whatever their bytes") {
  CHECK(digest(digest_algorithm::git_sha1, byte_view{}) != digest(digest_algorithm::sha256, byte_view{}));
}

TEST_CASE("content is told apart by size too") {
  const digest d = *digest::parse(std::string(64, 'a'));
  CHECK(std::unordered_set<content>{{d, 1}, {d, 2}, {d, 1}}.size() == 2);
  CHECK(content(d, 1) < content(d, 2));
}
