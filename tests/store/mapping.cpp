#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/store/mapping.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <store/contents.hpp>
#include <string>
#include <support/temp_folder.hpp>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
using hubcache::cache_mapping;
using hubcache::errc;
using hubcache::merge_mapping;
using hubcache::read_mapping;
using test::read_file;
using test::temp_folder;

namespace {

hubcache::digest name_of(std::string_view text) { return test::content_of(text).name; }

/// One entry as it stands in a mapping file.
std::string entry(std::string_view text, const std::string& path) {
  return "\"" + name_of(text).hex() + "\": \"" + path + "\"";
}

bool is_malformed(const std::string& path) {
  try {
    (void)read_mapping(path);
  } catch (const hubcache::error& e) {
    return e.reason() == errc::invalid_mapping && e.context().file == path;
  }
  return false;
}

}  // namespace

TEST_CASE("A missing mapping file is an empty mapping, and is not created") {
  const temp_folder folder;
  CHECK(read_mapping(folder / "none.json").empty());
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("Relative paths of a mapping count from its file's folder") {
  const temp_folder folder;
  const auto path = folder.write("sub/map.json", "{" + entry("a", "/abs/a") + "," + entry("b", "b") + "," +
                                                     entry("c", "../c/./d") + "}");
  const auto mapping = read_mapping(path);
  CHECK(mapping.at(name_of("a")) == "/abs/a");
  CHECK(mapping.at(name_of("b")) == folder / "sub/b");
  CHECK(mapping.at(name_of("c")) == folder / "c/d");
}

TEST_CASE("A malformed mapping is refused, named, and left as it is") {
  const auto sha256 = name_of("a").hex();
  const auto git = std::string(40, 'a');
  auto upper = sha256;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' ? char(c - 32) : c; });
  const std::vector<std::string> texts{"",
                                       "{",
                                       "[]",
                                       "null",
                                       "{\"" + sha256 + "\": \"/a\"} trailing",
                                       "{\"" + sha256 + "\": 1}",
                                       "{\"" + sha256 + "\": null}",
                                       "{\"" + sha256 + "\": {}}",
                                       "{\"" + sha256 + "\": \"\"}",
                                       "{\"" + sha256 + "\": \"a\\u0000b\"}",
                                       "{\"" + sha256 + "\": \"/a\", \"" + sha256 + "\": \"/b\"}",
                                       "{\"" + git + "\": \"/a\"}",
                                       "{\"" + upper + "\": \"/a\"}",
                                       "{\"sha256:" + sha256 + "\": \"/a\"}",
                                       "{\"" + sha256 + "\": \"\xff\"}"};
  const temp_folder folder;
  for (const auto& text : texts) {
    CAPTURE(text);
    const auto path = folder.write("map.json", text);
    CHECK(is_malformed(path));
    CHECK_THROWS_AS(merge_mapping(path, {{name_of("x"), "/x"}}, {}), hubcache::error);
    CHECK(read_file(path) == text);
    CHECK_FALSE(fs::exists(path + ".lock"));
  }
}

TEST_CASE("A mapping that is a folder is malformed") {
  const temp_folder folder;
  fs::create_directory(folder / "map.json");
  CHECK(is_malformed(folder / "map.json"));
}

TEST_CASE("What is said about a malformed key can be shown on a terminal") {
  const temp_folder folder;
  const auto path = folder.write("map.json", R"({"\u001b[31m\nkey": "/a"})");
  try {
    (void)read_mapping(path);
    FAIL("read");
  } catch (const hubcache::error& e) {
    CHECK(e.detail().find('\x1b') == std::string::npos);
    CHECK(e.detail().find('\n') == std::string::npos);
  }
}

TEST_CASE("A mapping is written sorted by digest, one entry a line, and reads back") {
  const temp_folder folder;
  const cache_mapping mapping{{name_of("a"), "/plain"},
                              {name_of("b"), "/with \"quotes\" and \\"},
                              {name_of("c"), "/\xc3\xbc/tab\tand\nline"}};
  const auto text = format_mapping(mapping);
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
  CHECK(text.starts_with("{\n  \"" + mapping.begin()->first.hex() + "\": \""));
  CHECK(text.ends_with("\"\n}\n"));
  CHECK(read_mapping(folder.write("map.json", text)) == mapping);
  CHECK(read_mapping(folder.write("empty.json", hubcache::format_mapping({}))).empty());
}

TEST_CASE("A merge creates the mapping and leaves nothing beside it") {
  const temp_folder folder;
  const cache_mapping mapping{{name_of("a"), "/a"}};
  merge_mapping(folder / "map.json", mapping, {});
  CHECK(read_mapping(folder / "map.json") == mapping);
  std::error_code ec;
  CHECK(hubcache::os::names_in(folder.path().string(), ec).size() == 1);
}

TEST_CASE("A merge keeps what the file holds by now") {
  const temp_folder folder;
  const auto path = folder / "map.json";
  merge_mapping(path, {{name_of("a"), "/a"}}, {});
  merge_mapping(path, {{name_of("b"), "/b"}}, {});
  CHECK(read_mapping(path) == cache_mapping{{name_of("a"), "/a"}, {name_of("b"), "/b"}});
}

TEST_CASE("Of two paths for one content the file's own stays, as long as there is a file") {
  const temp_folder folder;
  const auto path = folder / "map.json";
  const auto own = folder.write("own", "a");
  merge_mapping(path, {{name_of("a"), own}}, {});
  merge_mapping(path, {{name_of("a"), "/new"}}, {});
  CHECK(read_mapping(path).at(name_of("a")) == own);
  fs::remove(own);
  merge_mapping(path, {{name_of("a"), "/new"}}, {});
  CHECK(read_mapping(path).at(name_of("a")) == "/new");
}

TEST_CASE("A dropped entry goes only if digest and path are both as they were") {
  const temp_folder folder;
  const auto path = folder / "map.json";
  merge_mapping(path, {{name_of("a"), "/a"}, {name_of("b"), "/b"}}, {});
  merge_mapping(path, {}, {{name_of("a"), "/a"}, {name_of("b"), "/other"}, {name_of("c"), "/c"}});
  CHECK(read_mapping(path) == cache_mapping{{name_of("b"), "/b"}});
}

TEST_CASE("An entry that is dropped and given anew gets its new path") {
  const temp_folder folder;
  const auto path = folder / "map.json";
  const auto old = folder.write("old", "changed");
  merge_mapping(path, {{name_of("a"), old}}, {});
  merge_mapping(path, {{name_of("a"), "/new"}}, {{name_of("a"), old}});
  CHECK(read_mapping(path).at(name_of("a")) == "/new");
}

TEST_CASE(
    "A mapping behind a symlink is replaced where it lies; the symlink and relative paths keep their sense") {
  const temp_folder folder;
  const auto real = folder.write("data/map.json", "{" + entry("a", "a.bin") + "}");
  fs::create_symlink("data/map.json", folder / "link.json");
  CHECK(read_mapping(folder / "link.json").at(name_of("a")) == folder / "data/a.bin");
  merge_mapping(folder / "link.json", {{name_of("b"), "/b"}}, {});
  CHECK(fs::is_symlink(folder / "link.json"));
  const cache_mapping want{{name_of("a"), folder / "data/a.bin"}, {name_of("b"), "/b"}};
  CHECK(read_mapping(real) == want);
  CHECK(read_mapping(folder / "link.json") == want);
}

TEST_CASE("A merge keeps the mapping file's mode") {
  const temp_folder folder;
  const auto path = folder.write("map.json", "{}");
  fs::permissions(path, fs::perms(0600));
  merge_mapping(path, {{name_of("a"), "/a"}}, {});
  std::error_code ec;
  CHECK(hubcache::os::status(path, ec).mode == 0600);
}

TEST_CASE("A merge waits for the writer before it") {
  const temp_folder folder;
  const auto path = folder / "map.json";
  std::error_code ec;
  auto other = hubcache::os::file_lock::try_lock(path + ".lock", hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(other);
  std::thread writer([&path] { merge_mapping(path, {{name_of("a"), "/a"}}, {}); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_FALSE(fs::exists(path));
  other.reset();
  writer.join();
  CHECK(read_mapping(path).size() == 1);
}

TEST_CASE("Concurrent merges lose nothing") {
  const temp_folder folder;
  const auto path = folder / "map.json";
  constexpr int writers = 4, rounds = 3;
  std::vector<std::thread> threads;
  for (int t = 0; t < writers; ++t) {
    threads.emplace_back([&path, t] {
      for (int i = 0; i < rounds; ++i) {
        const auto text = std::to_string(t * rounds + i);
        merge_mapping(path, {{name_of(text), "/" + text}}, {});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(read_mapping(path).size() == writers * rounds);
}

TEST_CASE("A mapping in a folder that is missing cannot be written") {
  const temp_folder folder;
  CHECK_THROWS_AS(merge_mapping(folder / "none/map.json", {{name_of("a"), "/a"}}, {}), hubcache::error);
}
