// `hubcache index check` and `hubcache index stats` as their users run them.
#include <hubcache/index/mapped_index.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "index/index_folder.hpp"
#include "support/process.hpp"

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

/// A user whose index holds five contents.
struct shell {
  shell() { hubcache::mapped_index(folder).insert(test::records(0, 5)); }

  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "index"});
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }

  test::temp_folder home{fs::canonical(fs::temp_directory_path())};
  std::string folder = home / "hf/hubcache/index";
  std::map<std::string, std::string> environment{{"HOME", home / "user"}, {"HF_HOME", home / "hf"}};
};

}  // namespace

TEST_CASE("a sound index is told to be, with exit code 0") {
  shell s;
  const auto got = s.run({"check"});
  CHECK(got.code == 0);
  CHECK(got.out == "Read 5 places of 5 contents in " + s.folder + ": sound.\n");
  CHECK(got.err.empty());
  CHECK(s.run({"check", "-q"}).out == "sound\n");
}

TEST_CASE("where there is no index yet, nothing is wrong and nothing is made") {
  shell s;
  fs::remove_all(s.folder);
  const auto got = s.run({"check"});
  CHECK(got.code == 0);
  CHECK(got.out == "There is no index in " + s.folder + " yet.\n");
  CHECK(s.run({"stats", "-q"}).out == "0\n");
  CHECK_FALSE(fs::exists(s.folder));
}

TEST_CASE("a damaged index gives exit code 6 and the way out") {
  shell s;
  test::overwrite(test::log_of(s.folder), 64 + 40, "damage");
  auto got = s.run({"check"});
  CHECK(got.code == 6);
  CHECK(got.out == "Read 4 places of 4 contents in " + s.folder + ": damaged.\n");
  CHECK(got.err.find("1 cannot be read in full") != got.err.npos);
  CHECK(got.err.find("`hubcache index rebuild` repairs it.") != got.err.npos);
  fs::remove(test::table_of(s.folder));
  got = s.run({"check", "--json"});
  CHECK(got.code == 6);
  CHECK(got.out.find("\"condition\": \"unusable\"") != got.out.npos);
  CHECK(got.err.find("is not used") != got.err.npos);
  CHECK(s.run({"stats"}).code == 0);
}

TEST_CASE("the statistics count contents, places and bytes") {
  shell s;
  const auto got = s.run({"stats"});
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("INDEX"));
  CHECK(got.out.find("verified") != got.out.npos);
  CHECK(s.run({"stats", "-q"}).out == "5\n");
  const auto json = s.run({"stats", "--json"}).out;
  for (const auto* member : {"\"entries\": 5", "\"places\": 5", "\"verified\": 3", "\"claimed\": 2",
                             "\"version\": 2", "\"dead_bytes\": 0", "\"table_load\": 0.005"}) {
    CHECK_MESSAGE(json.find(member) != json.npos, json);
  }
  CHECK(json.ends_with("}\n"));
}
