#include <hubcache/store/colliding_names.hpp>

#include <doctest/doctest.h>

#include <filesystem>
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
