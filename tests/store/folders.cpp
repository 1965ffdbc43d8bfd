#include <hubcache/error.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/store/folders.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <support/temp_folder.hpp>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
using hubcache::add_folder;
using hubcache::read_folders;
using hubcache::remove_folder;
using paths = std::vector<std::string>;

TEST_CASE("Folders are kept in their order, each once, until they are removed") {
  const test::temp_folder home;
  const auto state = home / "state";
  CHECK(read_folders(state).empty());
  CHECK(add_folder(state, "/b"));
  CHECK(add_folder(state, "/a with blanks \xff"));
  CHECK_FALSE(add_folder(state, "/b"));
  CHECK(read_folders(state) == paths{"/b", "/a with blanks \xff"});
  CHECK(remove_folder(state, "/b"));
  CHECK_FALSE(remove_folder(state, "/b"));
  CHECK(read_folders(state) == paths{"/a with blanks \xff"});
}

TEST_CASE("A path that a line cannot hold, or a relative one, is refused") {
  const test::temp_folder home;
  for (const auto& path : {std::string("a"), std::string(), std::string("/a\nb"), std::string("/a\0b", 4)}) {
    CHECK_THROWS_AS(add_folder(home / "state", path), hubcache::error);
  }
  CHECK_FALSE(fs::exists(home / "state"));
}

TEST_CASE("The list is private, and nothing else is left beside it") {
  const test::temp_folder home;
  add_folder(home / "state", "/a");
  std::error_code ec;
  CHECK(hubcache::os::status(home / "state", ec).mode == 0700);
  CHECK(hubcache::os::status(home / "state/folders", ec).mode == 0600);
  CHECK(std::distance(fs::directory_iterator(home / "state"), fs::directory_iterator()) == 1);
}

TEST_CASE("Lines that are no paths do not count") {
  const test::temp_folder home;
  home.write("folders", "relative\n\n/a\n" + std::string("/b\0c\n", 5) + "/last");
  CHECK(read_folders(home.path().string()) == paths{"/a", "/last"});
}

TEST_CASE("A list that cannot be read is an error, and is not replaced") {
  const test::temp_folder home;
  fs::create_directories(home / "folders");
  CHECK_THROWS_AS((void)read_folders(home.path().string()), hubcache::error);
  CHECK_THROWS_AS(add_folder(home.path().string(), "/a"), hubcache::error);
  CHECK(fs::is_directory(home / "folders"));
}

TEST_CASE("Nobody's change is lost when many add at once") {
  const test::temp_folder home;
  std::vector<std::thread> crowd;
  for (int i = 0; i < 4; ++i) {
    crowd.emplace_back([&home, i] { add_folder(home / "state", "/" + std::to_string(i)); });
  }
  for (auto& one : crowd) one.join();
  CHECK(read_folders(home / "state").size() == 4);
}
