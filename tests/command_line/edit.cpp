// `hubcache edit` as its users run it.
#include <doctest/doctest.h>

#include <filesystem>
#include <support/hub_cache.hpp>
#include <support/process.hpp>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

struct shell {
  shell() { cache.add("acme/tiny", commit, {{"config.json", "{}"}}); }

  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "edit"});
    test::process child(std::move(arguments), {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}});
    return test::outcome_of(child);
  }

  test::temp_folder home;
  test::hub_cache cache{home / "hf/hub"};
  std::string commit = test::commit_of('a');
  std::string entry = cache.layout("acme/tiny").snapshot(commit) + "/config.json";
  std::string blob = cache.blob("acme/tiny", "{}");
};

}  // namespace

TEST_CASE("edit prints the path, and the file may be written to without an edit of the blob") {
  shell s;
  const auto made = s.run({s.entry});
  CHECK(made.code == 0);
  CHECK(made.out == s.entry + "\n");
  CHECK(made.err.find("yours to edit now") != std::string::npos);
  std::ofstream(s.entry) << "edited";
  CHECK(test::read_file(s.blob) == "{}");
  const auto again = s.run({s.entry});
  CHECK(again.code == 0);
  CHECK(again.out == s.entry + "\n");
  CHECK(again.err.find("already") != std::string::npos);
  CHECK(test::read_file(s.entry) == "edited");
  const auto quiet = s.run({s.entry, "-q"});
  CHECK(quiet.out == s.entry + "\n");
  CHECK(quiet.err.empty());
}

TEST_CASE("edit --json prints one object") {
  shell s;
  const auto made = s.run({s.entry, "--json"});
  CHECK(made.code == 0);
  CHECK(made.out.starts_with("{\"path\": \"" + s.entry + "\", \"source\": \"/"));
  CHECK(made.out.ends_with("\"was_private\": false}\n"));
  CHECK(s.run({s.entry, "--json"}).out ==
        "{\"path\": \"" + s.entry + "\", \"source\": null, \"link\": null, \"was_private\": true}\n");
}

TEST_CASE("edit refuses what is no entry of a view, each with its exit code") {
  shell s;
  const auto blob = s.run({s.blob});
  CHECK(blob.code == 9);
  CHECK(blob.out.empty());
  CHECK(blob.err.find("this is a blob") != std::string::npos);
  CHECK(s.run({s.home.write("file", "x")}).code == 2);
  CHECK(s.run({}).code == 2);
  fs::remove(s.blob);
  CHECK(s.run({s.entry}).code == 8);
  CHECK(fs::is_symlink(s.entry));
}
