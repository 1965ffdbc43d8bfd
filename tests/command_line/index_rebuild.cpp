// `hubcache index rebuild` as its users run it.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <support/hub_cache.hpp>
#include <support/process.hpp>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

/// A user with a cache and an indexed folder.
struct shell {
  shell() {
    cache.add("acme/tiny", test::commit_of('a'), {{"config.json", "{}"}});
    fs::last_write_time(home.write("models/a.bin", "weights"),
                        fs::file_time_type::clock::now() - std::chrono::seconds(10));
    REQUIRE(run({"add", home / "models"}).code == 0);
  }

  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "index"});
    test::process child(std::move(arguments), {{"HF_HOME", home / "hf"}, {"HOME", home / "home"}});
    return test::outcome_of(child);
  }

  test::temp_folder home{fs::canonical(fs::temp_directory_path())};
  test::hub_cache cache{home / "hf/hub"};
  std::string index = home / "hf/hubcache/index";
};

}  // namespace

TEST_CASE("index rebuild tells what it found where") {
  shell s;
  const auto got = s.run({"rebuild"});
  CHECK(got.code == 0);
  CHECK(got.err.empty());
  CHECK(got.out.find("    1 hub-cache " + s.cache.path() + "\n") != std::string::npos);
  CHECK(got.out.ends_with("2 verified before and unchanged, 1 known by name, 0 dropped\n"));
  CHECK(s.run({"rebuild", "-q"}).out == s.index + "\n");
  CHECK(s.run({"rebuild", "--json"}).out ==
        "{\"index\": \"" + s.index +
            "\", \"verified\": 2, \"dropped\": 0, \"claims\": [{\"kind\": \"hub-cache\", "
            "\"path\": \"" +
            s.cache.path() + "\", \"files\": 1}], \"problems\": [], \"complete\": true}\n");
}

TEST_CASE("index rebuild works without an index") {
  shell s;
  fs::remove_all(s.index);
  const auto got = s.run({"rebuild"});
  CHECK(got.code == 0);
  CHECK(got.out.ends_with("0 verified before and unchanged, 1 known by name, 0 dropped\n"));
}

TEST_CASE("index rebuild drops what is gone") {
  shell s;
  fs::remove(s.home / "models/a.bin");
  CHECK(s.run({"rebuild"}).out.ends_with("0 verified before and unchanged, 1 known by name, 2 dropped\n"));
}
