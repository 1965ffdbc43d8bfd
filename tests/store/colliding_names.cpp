#include <hubcache/store/colliding_names.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <support/temp_folder.hpp>

namespace fs = std::filesystem;
using hubcache::colliding_names;

TEST_CASE("Names that differ by more than case and are ASCII are tried nowhere") {
  const test::temp_folder folder;
  CHECK_FALSE(colliding_names(folder.path(), folder / "trial", {"A", "B/c", "b", "c"}));
  CHECK_FALSE(fs::exists(folder / "trial"));
}

TEST_CASE("Where a file system tells names apart, they are fine, and the trial leaves nothing") {
  const test::temp_folder folder;
  CHECK_FALSE(
      colliding_names(folder.path(), folder / "a/trial", {"README", "Readme", "readme", "x/\xC3\xA9"}));
  CHECK(fs::is_empty(folder / "a/trial"));
}

TEST_CASE("Of names that are one file in a trial, both are told") {
  const test::temp_folder folder;
  // What a file system that ignores case makes of x/b and x/B.
  const auto same =
      hubcache::detail::try_names(folder.path(), folder.path(), {"x/a", "x/b", "y", "x/b", "x/c"});
  REQUIRE(same);
  CHECK(same->first == "x/b");
  CHECK(same->second == "x/b");
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("Where no trial can be made, no names collide, and no symlink is followed") {
  const test::temp_folder folder, outside;
  CHECK_FALSE(colliding_names(folder.path(), folder.write("file", "") + "/trial", {"A", "a"}));
  fs::create_directory_symlink(outside.path(), folder / "planted");
  CHECK_FALSE(colliding_names(folder.path(), folder / "planted/trial", {"A", "a"}));
  CHECK(fs::is_empty(outside.path()));
}

TEST_CASE("What killed trials left an hour ago is removed, younger ones and other folders stay") {
  const test::temp_folder folder;
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  for (const auto* name : {"old.tmp", "young.tmp", "old"}) folder.write(std::string(name) + "/A", "");
  for (const auto* name : {"old.tmp", "old"}) fs::last_write_time(folder / name, long_ago);
  CHECK_FALSE(colliding_names(folder.path(), folder.path(), {"A", "a"}));
  CHECK_FALSE(fs::exists(folder / "old.tmp"));
  CHECK(fs::exists(folder / "young.tmp/A"));
  CHECK(fs::exists(folder / "old/A"));
}
