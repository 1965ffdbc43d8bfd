#include <hubcache/os/folder.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
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

TEST_CASE("parent_of() gives no folder, not even one on the way, if one cannot be made") {
  const temp_folder folder;
  std::error_code ec;
  const auto parent = opened(folder).parent_of("made/" + std::string(300, 'x') + "/name", ec);
  CHECK(ec == std::errc::filename_too_long);
  CHECK_FALSE(static_cast<bool>(parent));
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

TEST_CASE("A hard link is another name of a file in another folder, never of a symlink or over a name") {
  const temp_folder folder;
  folder.write("a/file", "bytes");
  fs::create_symlink("file", folder / "a/link");
  fs::create_directory(folder / "b");
  std::error_code ec;
  const auto a = os::folder::open(folder / "a", ec);
  const auto b = os::folder::open(folder / "b", ec);
  a.hard_link("file", b, "second", ec);
  CHECK(!ec);
  CHECK(read_file(folder / "b/second") == "bytes");
  CHECK(fs::hard_link_count(folder / "a/file") == 2);
  a.hard_link("file", b, "second", ec);
  CHECK(ec == std::errc::file_exists);
  a.hard_link("link", b, "third", ec);
  CHECK(ec == std::errc::invalid_argument);
  a.hard_link("missing", b, "third", ec);
  CHECK(ec == std::errc::no_such_file_or_directory);
  CHECK(names_in(folder / "b") == 1);
}

TEST_CASE("Removing takes a file, a symlink itself or an empty folder; what is missing is removed already") {
  const temp_folder folder;
  folder.write("target/file", "kept");
  fs::create_directory_symlink(folder / "target", folder / "link");
  folder.write("file", "");
  fs::create_directory(folder / "empty");
  const auto root = opened(folder);
  std::error_code ec;
  for (const auto* name : {"file", "link", "missing"}) {
    root.remove(name, ec);
    CHECK(!ec);
  }
  CHECK(read_file(folder / "target/file") == "kept");
  root.remove("empty", ec);
  CHECK(ec);
  for (const auto* name : {"empty", "missing"}) {
    root.remove_folder(name, ec);
    CHECK(!ec);
  }
  root.remove_folder("target", ec);
  CHECK(ec == std::errc::directory_not_empty);
  CHECK(names_in(folder.path()) == 1);
}

TEST_CASE("A folder tells what is in it, as often as it is asked, without following symlinks") {
  const temp_folder folder;
  folder.write("file", "");
  folder.write("below/file", "");
  fs::create_symlink("nowhere", folder / "link");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const auto at = opened(folder);
  for (int i = 0; i < 2; ++i) {
    std::error_code ec;
    std::map<std::string, os::folder_entry::type> found;
    for (const auto& entry : at.entries(ec)) found.emplace(entry.name, entry.kind);
    CHECK(!ec);
    using enum os::folder_entry::type;
    CHECK(found ==
          std::map<std::string, os::folder_entry::type>{
              {"file", file}, {"below", os::folder_entry::type::folder}, {"link", symlink}, {"fifo", other}});
  }
}

TEST_CASE("A child is opened if it is a folder itself") {
  const temp_folder folder;
  folder.write("below/file", "12345");
  fs::create_directory_symlink("below", folder / "link");
  const auto at = opened(folder);
  std::error_code ec;
  const auto child = at.child("below", ec);
  CHECK(!ec);
  CHECK(child.status("file", ec).identity.size == 5);
  for (const auto* const name : {"link", "below/../link"}) {
    static_cast<void>(at.child(name, ec));
    CHECK(is_refusal(ec));
  }
  static_cast<void>(at.child("missing", ec));
  CHECK(ec == std::errc::no_such_file_or_directory);
}

TEST_CASE("A status follows a symlink when it is told to") {
  const temp_folder folder;
  folder.write("file", "12345");
  fs::create_symlink("file", folder / "link");
  std::error_code ec;
  CHECK(opened(folder).status("link", ec).symlink);
  CHECK(opened(folder).status("link", ec, true).identity.size == 5);
  CHECK(!ec);
}

TEST_CASE("An open file gets another name in a folder, but never somebody else's") {
  const temp_folder folder;
  std::error_code ec;
  const auto file = os::open_read(folder.write("a", "bytes"), ec);
  folder.write("in/taken", "other");
  fs::rename(folder / "a", folder / "moved");
  const auto in = opened(folder).child("in", ec);
  in.link_opened(file, "b", ec);
  CHECK(!ec);
  CHECK(read_file(folder / "in/b") == "bytes");
  in.link_opened(file, "taken", ec);
  CHECK(ec == std::errc::file_exists);
  CHECK(read_file(folder / "in/taken") == "other");
}

TEST_CASE("A file of a folder opens as it does by its path: no symlink, no fifo") {
  const temp_folder folder;
  fs::create_symlink(folder.write("file", "bytes"), folder / "link");
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  const auto in = opened(folder);
  std::error_code ec;
  CHECK(in.open_read("file", ec));
  CHECK(in.open_or_create("new", 0600, ec));
  for (const auto* name : {"link", "fifo"}) {
    CHECK_FALSE(in.open_read(name, ec));
    CHECK(ec);
    CHECK_FALSE(in.open_or_create(name, 0600, ec));
    CHECK(ec);
  }
}

TEST_CASE("A folder is made with all that is missing, its base too, but not through a symlink below that") {
  const temp_folder folder, outside;
  std::error_code ec;
  CHECK(os::folder::make_below(folder / "base", folder / "base/a/b", ec, 0700));
  CHECK(!ec);
  CHECK((fs::status(folder / "base/a").permissions() & fs::perms::group_all) == fs::perms::none);
  fs::create_directory_symlink(folder / "base", folder / "way");
  CHECK(os::folder::make_below(folder / "way", folder / "way/c", ec));
  CHECK(fs::is_directory(folder / "base/c"));
  fs::create_directory_symlink(outside.path(), folder / "base/planted");
  (void)os::folder::make_below(folder / "base", folder / "base/planted/d", ec);
  CHECK(is_refusal(ec));
  CHECK(names_in(outside.path()) == 0);
}

TEST_CASE("A symlink is trusted if the user, the superuser or the folder's owner made it") {
  const auto of = [](std::uint32_t owner) {
    os::file_status status;
    status.owner = owner;
    return status;
  };
  const auto me = os::effective_user();
  CHECK(os::is_trusted_link(of(me), of(4711)));
  CHECK(os::is_trusted_link(of(0), of(4711)));
  CHECK(os::is_trusted_link(of(4711), of(4711)));
  CHECK_FALSE(os::is_trusted_link(of(4712), of(4711)));
}
