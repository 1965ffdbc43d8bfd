#include <hubcache/store/confirm.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <store/contents.hpp>
#include <string>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
#include <vector>

namespace fs = std::filesystem;
using hubcache::confirm;
using hubcache::confirmed_place;
using hubcache::kinds_for;
using hubcache::link_kind;
using hubcache::link_kinds;
using hubcache::mutability;
using hubcache::place;
using hubcache::trust;
using hubcache::trust_after_hash;
using test::content_of;
using test::temp_folder;

namespace {

/// The place `path` as it is now, in that state of trust.
place place_at(const std::string& path, trust state) {
  std::error_code ec;
  place where;
  where.path = path;
  where.identity = hubcache::os::status(path, ec).identity;
  where.state = state;
  return where;
}

confirmed_place confirmed(const place& where, const std::string& bytes, const test::counting_hashes& hashes,
                          const std::vector<place>& siblings = {}) {
  return confirm(where, siblings, content_of(bytes), hashes, {});
}

}  // namespace

TEST_CASE("A verified place is believed by its identity: nothing is hashed") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto where = place_at(folder.write("file", "bytes"), trust::verified);
  const auto found = confirmed(where, "bytes", hashes);
  REQUIRE(found.file);
  CHECK(found.file->path == where.path);
  CHECK(found.file->status.identity == where.identity);
  CHECK_FALSE(found.hashed);
  CHECK_FALSE(found.stale);
  CHECK(hashes.begun() == 0);
}

TEST_CASE("A claim is hashed, and believed if the hash is right") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto found = confirmed(place_at(folder.write("file", "bytes"), trust::claimed), "bytes", hashes);
  CHECK(found.file);
  CHECK(found.hashed);
  CHECK(hashes.begun() == 1);
}

TEST_CASE("A claim of other content of the same size is stale, and says what is there") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto found = confirmed(place_at(folder.write("file", "other"), trust::claimed), "bytes", hashes);
  CHECK_FALSE(found.file);
  CHECK(found.stale);
  CHECK(found.problem.find(content_of("other").name.hex()) != std::string::npos);
}

TEST_CASE("A file of another size is stale without being read") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  for (const auto state : {trust::claimed, trust::verified}) {
    const auto found = confirmed(place_at(folder.write("file", "longer than that"), state), "bytes", hashes);
    CHECK_FALSE(found.file);
    CHECK(found.stale);
    CHECK_FALSE(found.problem.empty());
  }
  CHECK(hashes.begun() == 0);
}

TEST_CASE("A verified file that was edited since is hashed, and stale") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto path = folder.write("file", "bytes");
  auto where = place_at(path, trust::verified);
  folder.write("file", "BYTES");
  fs::last_write_time(path, fs::file_time_type::clock::now() + std::chrono::seconds(1));
  const auto found = confirmed(where, "bytes", hashes);
  CHECK_FALSE(found.file);
  CHECK(found.stale);
  CHECK(hashes.begun() == 1);
}

TEST_CASE("A verified file that was only touched is hashed, and believed") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto path = folder.write("file", "bytes");
  const auto where = place_at(path, trust::verified);
  fs::last_write_time(path, fs::file_time_type::clock::now() + std::chrono::seconds(1));
  const auto found = confirmed(where, "bytes", hashes);
  CHECK(found.file);
  CHECK(found.hashed);
}

TEST_CASE("Another verified name of the same inode vouches for a place whose record is older") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto path = folder.write("file", "bytes");
  auto where = place_at(path, trust::verified);
  where.identity.ctime_ns -= 1;  // recorded before the hard link was made
  fs::create_hard_link(path, folder / "sibling");
  const auto sibling = place_at(folder / "sibling", trust::verified);
  CHECK(confirmed(where, "bytes", hashes, {where, sibling}).file);
  CHECK(hashes.begun() == 0);
}

TEST_CASE("Neither a claim nor another inode vouches") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  const auto path = folder.write("file", "other");
  const auto where = place_at(path, trust::claimed);
  fs::create_hard_link(path, folder / "sibling");
  const auto sibling = place_at(folder / "sibling", trust::claimed);
  const auto stranger = place_at(folder.write("stranger", "bytes"), trust::verified);
  CHECK_FALSE(confirmed(where, "bytes", hashes, {where, sibling, stranger}).file);
  CHECK(hashes.begun() == 1);
}

TEST_CASE("What is no regular file any more is stale") {
  const temp_folder folder;
  const test::counting_hashes hashes;
  folder.write("file", "bytes");
  fs::create_symlink("file", folder / "symlink");
  fs::create_directory(folder / "folder");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  for (const char* name : {"symlink", "folder", "fifo", "missing", "file/below"}) {
    CAPTURE(name);
    place where;
    where.path = folder / name;
    const auto found = confirmed(where, "bytes", hashes);
    CHECK_FALSE(found.file);
    CHECK(found.stale);
    CHECK_FALSE(found.problem.empty());
  }
}

TEST_CASE("A stop leaves the question open: the place is neither confirmed nor stale") {
  const temp_folder folder;
  std::stop_source source;
  source.request_stop();
  const auto where = place_at(folder.write("file", "bytes"), trust::claimed);
  const auto found = confirm(where, {}, content_of("bytes"), test::hashes, source.get_token());
  CHECK_FALSE(found.file);
  CHECK_FALSE(found.stale);
  CHECK_FALSE(found.problem.empty());
}

TEST_CASE("From an immutable store every kind of the automatic choice is allowed") {
  place where;
  CHECK(kinds_for(where, hubcache::auto_link_kinds) == hubcache::auto_link_kinds);
}

TEST_CASE("From a mutable store there are no hard links by choice") {
  place where;
  where.store = mutability::mutable_store;
  CHECK(kinds_for(where, hubcache::auto_link_kinds) == (link_kind::reflink | link_kind::copy));
}

TEST_CASE("A single kind is a request: allowed from every store, with a copy to fall back on") {
  place where;
  for (const auto store : {mutability::immutable_store, mutability::mutable_store}) {
    where.store = store;
    CHECK(kinds_for(where, link_kind::hard_link) == (link_kind::hard_link | link_kind::copy));
    CHECK(kinds_for(where, link_kind::symlink) == (link_kind::symlink | link_kind::copy));
    CHECK(kinds_for(where, link_kind::reflink) == (link_kind::reflink | link_kind::copy));
    CHECK(kinds_for(where, link_kind::copy) == link_kinds(link_kind::copy));
  }
}

TEST_CASE("A symlink is never one choice of several") {
  place where;
  CHECK(kinds_for(where, hubcache::auto_link_kinds | link_kind::symlink) == hubcache::auto_link_kinds);
}

TEST_CASE("What users edit is no more than a claim while its last write is fresh") {
  hubcache::os::file_identity now;
  now.mtime_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  CHECK(trust_after_hash(now, mutability::mutable_store) == trust::claimed);
  CHECK(trust_after_hash(now, mutability::immutable_store) == trust::verified);
  now.mtime_ns -= 3'000'000'000;
  CHECK(trust_after_hash(now, mutability::mutable_store) == trust::verified);
}
