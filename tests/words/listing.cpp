#include <hubcache/listing.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hubcache;

namespace {

file_entry entry(std::string path) {
  file_entry e;
  e.path = std::move(path);
  e.blob_id = std::string(40, 'b');
  return e;
}

}  // namespace

TEST_CASE("the content of a regular file is named by its blob id") {
  CHECK(entry("a").name() == digest::parse(std::string(40, 'b')));
}

TEST_CASE("the content of an LFS file is named by its sha256, never by its pointer") {
  file_entry e = entry("a");
  e.lfs = true;
  CHECK_FALSE(e.name());
  e.sha256 = digest::parse(std::string(64, 'c'));
  CHECK(e.name() == e.sha256);
}

TEST_CASE("a listing finds its files by exact path") {
  listing l;
  for (const char* path : {"a", "a-b", "a/b", "b"}) l.files.push_back(entry(path));
  REQUIRE(l.find("a/b") != nullptr);
  CHECK(l.find("a/b")->path == "a/b");
  CHECK(l.find("a/") == nullptr);
  CHECK(l.find("") == nullptr);
  CHECK(l.find("c") == nullptr);
}

TEST_CASE("one masked file makes a listing masked") {
  listing l;
  CHECK_FALSE(l.masked());
  l.files = {entry("a"), entry("b")};
  CHECK_FALSE(l.masked());
  l.files[1].masked = true;
  CHECK(l.masked());
}

TEST_CASE("a listing tells its files as they were reported, and where nobody did, by path") {
  listing l;
  for (const char* path : {"a", "b", "c"}) l.files.push_back(entry(path));
  const auto paths = [&l] {
    std::string all;
    for (const auto* file : l.as_reported()) all += file->path;
    return all;
  };
  CHECK(paths() == "abc");
  const auto same = l;
  l.files[0].position = 2;
  l.files[1].position = 1;
  CHECK(paths() == "cba");
  CHECK(l == same);
}
