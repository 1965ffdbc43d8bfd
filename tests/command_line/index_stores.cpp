// `hubcache index stores` as its users run it.
#include <doctest/doctest.h>

#include <filesystem>
#include <iterator>
#include <sstream>
#include <store/contents.hpp>
#include <support/process.hpp>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

/// A user with stores of several tools, and nothing else.
struct shell {
  shell() {
    home.write("user/.ollama/models/blobs/sha256-" + hex("weights"), "weights");
    fs::create_directories(home / "user/ComfyUI/models");
    home.write("hf/hubcache/stores.toml", "[[store]]\npath = '" + (home / "team") +
                                              "'\nkind = 'hub-cache'\nin-place = true\nread-only = true\n");
    fs::create_directories(home / "team");
  }
  static std::string hex(std::string_view bytes) { return test::content_of(bytes).name.hex(); }

  result run(const std::string& command, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "index", command});
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }
  /// The words of the line that has `path`.
  static std::vector<std::string> line(const result& of, const std::string& path) {
    std::istringstream lines(of.out);
    for (std::string text; std::getline(lines, text);) {
      if (text.find(" " + path + " ") == text.npos) continue;
      std::istringstream words(text);
      return {std::istream_iterator<std::string>(words), {}};
    }
    return {};
  }

  test::temp_folder home{fs::canonical(fs::temp_directory_path())};
  std::map<std::string, std::string> environment{
      {"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HUBCACHE_STORES", "git-lfs=" + (home / "absent")}};
};

using words = std::vector<std::string>;

}  // namespace

TEST_CASE("every store is listed: the own cache, configured ones, then those that were found") {
  shell s;
  const auto got = s.run("stores");
  CHECK(got.code == 0);
  CHECK(got.err.empty());
  CHECK(got.out.starts_with("KIND"));
  CHECK(shell::line(got, s.home / "hf/hub") ==
        words{"hub-cache", s.home / "hf/hub", "own", "missing", "0", "0.0"});
  CHECK(shell::line(got, s.home / "absent") ==
        words{"git-lfs", s.home / "absent", "configured", "missing", "0", "0.0"});
  CHECK(shell::line(got, s.home / "team") ==
        words{"hub-cache", s.home / "team", "configured", "read-only", "yes", "0", "0.0"});
  CHECK(shell::line(got, s.home / "user/.ollama/models") ==
        words{"ollama", s.home / "user/.ollama/models", "found", "read-write", "0", "0.0"});
  CHECK(shell::line(got, s.home / "user/ComfyUI/models") ==
        words{"comfy-ui", s.home / "user/ComfyUI/models", "found", "read-write", "0", "0.0"});
  const auto paths = s.run("stores", {"-q"}).out;
  CHECK(paths.starts_with(s.home / "hf/hub\n" + (s.home / "absent\n") + (s.home / "team\n")));
}

TEST_CASE("files and bytes are those that the index knows; a file under two digests counts once") {
  shell s;
  s.home.write("user/ComfyUI/models/a.bin", std::string(2000, 'a'));
  s.home.write("user/ComfyUI/models/b.bin", std::string(500, 'b'));
  CHECK(s.run("add", {s.home / "user/ComfyUI/models"}).code == 0);
  const auto got = shell::line(s.run("stores"), s.home / "user/ComfyUI/models");
  REQUIRE(got.size() == 6);
  CHECK(got[2] == "added");
  CHECK(got[4] == "2");
  CHECK(got[5] == "2.5K");
}

TEST_CASE("--json prints one object with the same") {
  shell s;
  const auto got = s.run("stores", {"--json"});
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("{\"stores\": [{\"kind\": \"hub-cache\", \"path\": \"" + (s.home / "hf/hub") +
                            "\""));
  CHECK(got.out.find("\"path\": \"" + (s.home / "team") +
                     "\", \"origin\": \"configured\", \"access\": \"read-only\", \"in_place\": true, "
                     "\"files\": 0, \"bytes\": 0}") != std::string::npos);
}

TEST_CASE("another cache on the command line makes the usual one a store") {
  shell s;
  fs::create_directories(s.home / "hf/hub");
  const auto got = s.run("stores", {"--cache-dir", s.home / "other"});
  CHECK(shell::line(got, s.home / "other").at(2) == "own");
  CHECK(shell::line(got, s.home / "hf/hub").at(2) == "found");
}

TEST_CASE("a configuration that makes no sense is refused, with exit code 2 and the line") {
  shell s;
  const auto file = s.home.write("hf/hubcache/stores.toml", "find = true\nstor = 1\n");
  const auto got = s.run("stores");
  CHECK(got.code == 2);
  CHECK(got.out.empty());
  CHECK(got.err.find(file + ", line 2: expected 'find' or [[store]]") != std::string::npos);
}
