#include <hubcache/error.hpp>
#include <hubcache/store/store_config.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <support/temp_folder.hpp>
#include <support/unprivileged.hpp>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::store_config;
using hubcache::store_kind;
using hubcache::store_origin;

namespace {

const hubcache::variable_lookup home = [](const std::string& name) -> std::optional<std::string> {
  if (name == "HOME") return "/home/user";
  if (name == "DATA") return "/data";
  return std::nullopt;
};
const hubcache::variables env(home);

store_config parse(std::string_view text) { return parse_store_config(text, "stores.toml", env); }

/// What is said about `call`'s input.
template <class Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    return e.detail();
  }
  return {};
}

}  // namespace

TEST_CASE("An empty file means: look for stores, and nothing else") {
  CHECK(parse("") == store_config());
  CHECK(parse("# nothing\n").find);
}

TEST_CASE("Stores are read in their order, with what is said of them") {
  const auto config = parse(R"TOML(find = false
[[store]]
path = "/mnt/team/hub/"
kind = "hub-cache"
in-place = true
read-only = true
[[store]]
path = "~/models"
[[store]]
path = "$DATA/\"# ü/../y" # größer)TOML");
  CHECK_FALSE(config.find);
  REQUIRE(config.stores.size() == 3);
  CHECK(config.stores[0].path == "/mnt/team/hub");
  CHECK(config.stores[0].kind == store_kind::hub_cache);
  CHECK(config.stores[0].in_place);
  CHECK(config.stores[0].read_only);
  CHECK(config.stores[1].path == "/home/user/models");
  CHECK_FALSE(config.stores[1].kind);
  CHECK_FALSE(config.stores[1].in_place);
  CHECK_FALSE(config.stores[1].read_only);
  CHECK(config.stores[2].path == "/data/y");
}

TEST_CASE("What makes no sense is refused with file, line and what was expected") {
  const auto says = [](std::string_view text, const std::string& line, const std::string& expected) {
    CAPTURE(text);
    const auto told = complaint([text] { (void)parse(text); });
    CAPTURE(told);
    CHECK(told.find("stores.toml, line " + line + ": ") == 0);
    CHECK(told.find(expected) != told.npos);
  };
  says("find = 1", "1", "true or false for 'find'");
  says("\nfined = true", "2", "found 'fined'");
  says("store = 1", "1", "[[store]]");
  says("[store]\npath = \"/x\"", "1", "two brackets");
  says("[[store]]\nkind = \"ollama\"", "1", "expected a 'path'");
  says("[[store]]\npath = 7", "2", "a string for 'path'");
  says("[[store]]\npath = \"relative\"", "2", "absolute path");
  says("[[store]]\npath = \"\"", "2", "absolute path");
  says("[[store]]\npath = \"/a\\u0000b\"", "2", "absolute path");
  says("[[store]]\npath = \"/x\"\nkind = \"hub\"", "3", "hub-cache, local-dir, ollama");
  says("[[store]]\npath = \"/x\"\nin-place = \"yes\"", "3", "true or false for 'in-place'");
  says("[[store]]\npath = \"/x\"\nread_only = true", "3", "found 'read_only'");
  says("[[store]]\npath = \"/x\"\n\n[[store]]\npath = \"/x\nkind =", "5", "");
  says("find = true\nfind = true", "2", "");
  says("\xff\xfe", "1", "");
  for (const char* line :
       {"[[[store]]]", "[[store]", "[[", "[\r", "store = [1]", "store = [{path = '/x'}]", "a.b = 1",
        "find = '''", "find = 1.5", "find = ", "find true", "path = \xE2\x80\x9C/x\xE2\x80\x9D"}) {
    says(std::string("# \xC3\xA9\n") + line, "2", "expected [[store]], or NAME = VALUE");
  }
}

TEST_CASE("Text that is no TOML at all is refused, however deep or long") {
  for (const auto& text :
       {std::string(100'000, '['), std::string(100'000, '{'), "a = " + std::string(100'000, '['),
        std::string(1000, '\0'), std::string("find = tru")}) {
    CHECK_FALSE(complaint([&text] { (void)parse(text); }).empty());
  }
}

TEST_CASE("A missing file is no error; one that cannot be read is") {
  const test::temp_folder folder;
  CHECK(read_store_config(folder / "none.toml", env) == store_config());
  CHECK(read_store_config(folder / "none/none.toml", env) == store_config());
  fs::create_directory(folder / "folder");
  CHECK_THROWS_AS((void)read_store_config(folder / "folder", env), hubcache::error);
  const auto path = folder.write("locked.toml", "find = false");
  fs::permissions(path, fs::perms::none);
  const test::unprivileged user;
  CHECK_THROWS_AS((void)read_store_config(path, env), hubcache::error);
}

TEST_CASE("The file may be a symlink, and errors name it as it was given") {
  const test::temp_folder folder;
  folder.write("dotfiles/stores.toml", "find = 3");
  fs::create_symlink("dotfiles/stores.toml", folder / "stores.toml");
  const auto told = complaint([&] { (void)read_store_config(folder / "stores.toml", env); });
  CHECK(told.find(folder / "stores.toml") == 0);
}

TEST_CASE("HUBCACHE_STORES lists paths, with or without a kind") {
  const auto entries = parse_store_list("/a:ollama=~/models::git-lfs=$DATA/lfs:/with=sign:", env);
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].path == "/a");
  CHECK_FALSE(entries[0].kind);
  CHECK(entries[1].path == "/home/user/models");
  CHECK(entries[1].kind == store_kind::ollama);
  CHECK(entries[2].path == "/data/lfs");
  CHECK(entries[2].kind == store_kind::git_lfs);
  CHECK(entries[3].path == "/with=sign");
  CHECK(parse_store_list("", env).empty());
  CHECK(parse_store_list("::", env).empty());
}

TEST_CASE("An item of HUBCACHE_STORES that makes no sense is named") {
  for (const char* item :
       {"relative", "ollama=relative", "nothing=/x", "=/x", "ollama=", "$UNKNOWN/x", "~other/x"}) {
    const auto told = complaint([&] { (void)parse_store_list(std::string("/a:") + item, env); });
    CAPTURE(told);
    CHECK(told.find("HUBCACHE_STORES: '" + std::string(item) + "'") == 0);
  }
}

TEST_CASE("A store without a kind is recognised by what lies there, else a folder") {
  const test::temp_folder folder;
  folder.write("ollama/blobs/x", "");
  folder.write("ollama/manifests/x", "");
  hubcache::store_entry entry;
  entry.path = folder / "ollama";
  entry.in_place = true;
  auto store = to_store(entry);
  CHECK(store.kind == store_kind::ollama);
  CHECK(store.origin == store_origin::configured);
  CHECK(store.in_place);
  entry.kind = store_kind::local_dir;
  CHECK(to_store(entry).kind == store_kind::local_dir);
  entry.kind.reset();
  entry.path = folder / "absent";
  CHECK(to_store(entry).kind == store_kind::folder);
}
