#include <hubcache/os/folder.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <support/temp_folder.hpp>
#include <system_error>

namespace fs = std::filesystem;
namespace os = hubcache::os;
using test::read_file;
using test::temp_folder;

namespace {

os::folder opened(const temp_folder& folder) {
  std::error_code ec;
  auto result = os::folder::open(folder.path().string(), ec);
  REQUIRE(!ec);
  return result;
}

bool is_refusal(const std::error_code& ec) {
  return ec == std::errc::too_many_symbolic_link_levels || ec == std::errc::not_a_directory;
}

std::size_t names_in(const fs::path& folder) {
  std::error_code ec;
  return os::names_in(folder.string(), ec).size();
}

}  // namespace

TEST_CASE("A folder opens through symlinks of the user; a file is no folder") {
  const temp_folder folder;
  fs::create_directory_symlink(folder.path(), folder / "link");
  folder.write("file", "");
  std::error_code ec;
  CHECK(static_cast<bool>(os::folder::open(folder / "link", ec)));
  CHECK(!ec);
  CHECK_FALSE(static_cast<bool>(os::folder::open(folder / "file", ec)));
  CHECK(ec == std::errc::not_a_directory);
}

TEST_CASE("The parents of a name are created, and found again") {
  const temp_folder folder;
  const auto root = opened(folder);
  std::error_code ec;
  for (int i = 0; i < 2; ++i) {
    const auto parent = root.parent_of("a/b/name", ec);
    CHECK(!ec);
    CHECK(static_cast<bool>(parent));
  }
  CHECK(fs::is_directory(folder / "a/b"));
  CHECK_FALSE(fs::exists(folder / "a/b/name"));
  CHECK(static_cast<bool>(root.parent_of("name", ec)));
  CHECK(!ec);
}

TEST_CASE("A symlink among the parents is refused, wherever it points") {
  const temp_folder folder, outside;
  fs::create_directory_symlink(outside.path(), folder / "planted");
  fs::create_directory(folder / "real");
  fs::create_directory_symlink("../real", folder / "real/inner");
  const auto root = opened(folder);
  std::error_code ec;
  (void)root.parent_of("planted/name", ec);
  CHECK(is_refusal(ec));
  (void)root.parent_of("planted/deep/er/name", ec);
  CHECK(is_refusal(ec));
  (void)root.parent_of("real/inner/name", ec);
  CHECK(is_refusal(ec));
  CHECK(names_in(outside.path()) == 0);
}

TEST_CASE("A file among the parents is reported") {
  const temp_folder folder;
  folder.write("file", "");
  std::error_code ec;
  (void)opened(folder).parent_of("file/name", ec);
  CHECK(ec == std::errc::not_a_directory);
}

TEST_CASE("A symlink is made, and replaces whatever file had its name") {
  const temp_folder folder;
  folder.write("file", "old");
  fs::create_symlink("gone", folder / "dangling");
  const auto root = opened(folder);
  std::error_code ec;
  for (const char* name : {"new", "file", "dangling"}) {
    root.replace_symlink("../target", name, ec);
    CHECK(!ec);
    CHECK(root.read_link(name, ec) == "../target");
  }
  CHECK(names_in(folder.path()) == 3);
}

TEST_CASE("A symlink never replaces a folder, and leaves nothing behind when it cannot be made") {
  const temp_folder folder;
  folder.write("folder/file", "keep");
  std::error_code ec;
  opened(folder).replace_symlink("target", "folder", ec);
  CHECK(ec == std::errc::is_a_directory);
  CHECK(read_file(folder / "folder/file") == "keep");
  CHECK(names_in(folder.path()) == 1);
}

TEST_CASE("A taken file keeps its bytes and replaces the one that had the name") {
  const temp_folder folder, other;
  const auto from = other.write("from", "new");
  folder.write("name", "old");
  std::error_code ec;
  opened(folder).take(from, "name", ec);
  CHECK(!ec);
  CHECK(read_file(folder / "name") == "new");
  CHECK_FALSE(fs::exists(from));
}

TEST_CASE("A taken file replaces a symlink itself, not what it points at") {
  const temp_folder folder, outside;
  const auto victim = outside.write("victim", "keep");
  fs::create_symlink(victim, folder / "name");
  std::error_code ec;
  opened(folder).take(outside.write("from", "new"), "name", ec);
  CHECK(!ec);
  CHECK(read_file(victim) == "keep");
  CHECK_FALSE(fs::is_symlink(folder / "name"));
}

TEST_CASE("The status of an entry is that of a symlink itself") {
  const temp_folder folder;
  folder.write("file", "12345");
  fs::create_symlink("file", folder / "link");
  const auto root = opened(folder);
  std::error_code ec;
  CHECK(root.status("file", ec).identity.size == 5);
  CHECK(root.status("link", ec).symlink);
  (void)root.status("none", ec);
  CHECK(ec == std::errc::no_such_file_or_directory);
}

TEST_CASE("The last segment of a path is what follows its last slash") {
  CHECK(os::last_segment("a/b/c") == "c");
  CHECK(os::last_segment("c") == "c");
}
