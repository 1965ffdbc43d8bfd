// `hubcache download REPO:TAG` as its users run it.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <vector>

namespace {

embedded::repo_file weights(std::uint64_t seed, std::uint64_t size = 20'000) {
  return embedded::lfs(embedded::file_content::generated(seed, size));
}

/// A user's shell: a home of its own, and HF_ENDPOINT at an embedded Hub that has acme/m-GGUF and acme/tiny.
struct shell {
  shell() {
    embedded::repo_model repo("acme/m-GGUF");
    repo.commit({{"README.md", embedded::regular("# a model\n")}, {"m-Q2_K.gguf", weights(1, 10'000)}});
    repo.tag("v1", repo.find("main")->id);
    repo.commit({{"README.md", embedded::regular("# a model\n")},
                 {"m-Q2_K.gguf", weights(1, 10'000)},
                 {"m-Q8_0-00001-of-00002.gguf", weights(2)},
                 {"m-Q8_0-00002-of-00002.gguf", weights(3)},
                 {"mmproj-F16.gguf", weights(4, 5'000)},
                 {"mtp-m.gguf", weights(5, 3'000)}});
    hub.put(repo);
    hub.put(embedded::tiny());
    commit = repo.find("main")->id;
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }

  test::outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }
  test::outcome download(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "download");
    return run(std::move(arguments));
  }
  /// Where the cache shows `file` of the model.
  [[nodiscard]] std::string entry(const std::string& file) const {
    return home / ("hf/hub/models--acme--m-GGUF/snapshots/" + commit + "/" + file);
  }

  embedded::hub hub;
  std::string commit;
  test::temp_folder home;
  std::map<std::string, std::string> environment;
};

/// Path in the repo -> role, of the JSON of a download; "null" for none.
std::map<std::string, std::string> roles_in(const simdjson::dom::element& result) {
  std::map<std::string, std::string> roles;
  for (const simdjson::dom::element file : simdjson::dom::array(result["files"])) {
    const simdjson::dom::element role = file["role"];
    roles[std::string(std::string_view(file["path"]))] =
        role.is_null() ? "null" : std::string(std::string_view(role));
  }
  return roles;
}

const std::map<std::string, std::string> q8_roles{{"m-Q8_0-00001-of-00002.gguf", "model"},
                                                  {"m-Q8_0-00002-of-00002.gguf", "split"},
                                                  {"mmproj-F16.gguf", "mmproj"}};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a tag behind the repo downloads that model, and its first file is the last line") {
  shell s;
  const auto got = s.download({"acme/m-GGUF:Q8_0"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.out == s.entry("m-Q8_0-00001-of-00002.gguf") + "\n");
  CHECK(std::filesystem::file_size(s.entry("m-Q8_0-00002-of-00002.gguf")) == 20'000);
  CHECK(std::filesystem::file_size(s.entry("mmproj-F16.gguf")) == 5'000);
  CHECK_FALSE(std::filesystem::exists(s.entry("m-Q2_K.gguf")));
  CHECK_FALSE(std::filesystem::exists(s.entry("README.md")));
  CHECK(s.hub.log().content_bytes_sent() == 45'000);
}

TEST_CASE("--gguf without a tag takes the default, and --drafts its draft heads") {
  shell s;
  CHECK(s.download({"acme/m-GGUF", "--gguf", "-q"}).out == s.entry("m-Q8_0-00001-of-00002.gguf") + "\n");
  CHECK_FALSE(std::filesystem::exists(s.entry("mtp-m.gguf")));
  CHECK(s.download({"acme/m-GGUF", "--gguf", "--drafts"}).code == 0);
  CHECK(std::filesystem::exists(s.entry("mtp-m.gguf")));
}

TEST_CASE("--json gives every file its role, and path is the file to open") {
  shell s;
  const auto got = s.download({"acme/m-GGUF:q8_0", "--json"});
  CAPTURE(got.err);
  REQUIRE(got.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element result = parser.parse(got.out);
  CHECK(std::string_view(result["path"]) == s.entry("m-Q8_0-00001-of-00002.gguf"));
  CHECK(std::string_view(result["repo_id"]) == "acme/m-GGUF");
  CHECK(std::string_view(result["commit"]) == s.commit);
  CHECK(std::uint64_t(result["bytes_fetched"]) == 45'000);
  CHECK(roles_in(result) == q8_roles);
}

TEST_CASE("a dry run shows the same files and the path, and changes nothing") {
  shell s;
  const auto json = s.download({"acme/m-GGUF:Q8_0", "--dry-run", "--json"});
  simdjson::dom::parser parser;
  const simdjson::dom::element result = parser.parse(json.out);
  CHECK(roles_in(result) == q8_roles);
  CHECK(std::string_view(result["path"]) == s.entry("m-Q8_0-00001-of-00002.gguf"));
  const auto text = s.download({"acme/m-GGUF:Q8_0", "--dry-run"});
  CHECK(text.code == 0);
  CHECK(contains(text.out, "mmproj-F16.gguf"));
  CHECK(text.out.ends_with("\n" + s.entry("m-Q8_0-00001-of-00002.gguf") + "\n"));
  CHECK_FALSE(std::filesystem::exists(s.home / "hf/hub/models--acme--m-GGUF"));
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("a tag works with a revision, by option or in a reference, and with a local folder") {
  shell s;
  const auto v1 = s.hub.get("acme/m-GGUF").find("v1")->id;
  CHECK(
      contains(s.download({"acme/m-GGUF:Q2_K", "--revision", "v1", "-q"}).out, "/" + v1 + "/m-Q2_K.gguf\n"));
  CHECK(contains(s.download({"hf://acme/m-GGUF@v1:Q2_K", "-q"}).out, "/" + v1 + "/m-Q2_K.gguf\n"));
  CHECK(s.download({"acme/m-GGUF:Q8_0", "--revision", "v1"}).code == 5);
  const auto folder = s.home / "models";
  CHECK(s.download({"acme/m-GGUF:Q2_K", "--local-dir", folder, "-q"}).out == folder + "/m-Q2_K.gguf\n");
  CHECK(std::filesystem::file_size(folder + "/m-Q2_K.gguf") == 10'000);
}

TEST_CASE("offline and by commit a model that is here is served without a request") {
  shell s;
  const auto first = s.download({"acme/m-GGUF:Q8_0", "-q"});
  s.hub.log().clear();
  CHECK(s.download({"acme/m-GGUF:Q8_0", "-q", "--offline"}).out == first.out);
  CHECK(s.download({"acme/m-GGUF:Q8_0", "-q", "--revision", s.commit}).out == first.out);
  CHECK(s.hub.log().count() == 0);
  CHECK(s.download({"acme/m-GGUF:Q2_K", "--offline"}).code == 8);
}

TEST_CASE("a tag that nothing has ends with code 5 and a line for each choice") {
  shell s;
  const auto plain = s.download({"acme/m-GGUF:IQ1_S"});
  CHECK(plain.code == 5);
  CHECK(plain.out.empty());
  CHECK(contains(plain.err, "no GGUF model has the tag 'IQ1_S'"));
  CHECK(contains(plain.err, "\n  m-Q2_K.gguf (10.0K)\n  m-Q8_0-00001-of-00002.gguf (2 files, 40.0K)\n"));
  const auto json = s.download({"acme/m-GGUF:IQ1_S", "--json"});
  simdjson::dom::parser parser;
  const simdjson::dom::element error = parser.parse(json.out)["error"];
  CHECK(std::string_view(error["code"]) == "file_not_found");
  CHECK(contains(std::string(std::string_view(error["message"])),
                 "m-Q8_0-00001-of-00002.gguf (2 files, 40.0K)"));
  const auto none = s.download({"acme/tiny", "--gguf"});
  CHECK(none.code == 5);
  CHECK(contains(none.err, "there is no .gguf file (repo acme/tiny)"));
}

TEST_CASE("a tag that is none, and what chooses other files, is wrong usage") {
  shell s;
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"acme/m-GGUF:"},
                                             {"acme/m-GGUF:Q4*"},
                                             {"acme/m-GGUF:Q4/x"},
                                             {"acme/m-GGUF:Q8_0", "m-Q2_K.gguf"},
                                             {"acme/m-GGUF", "m-Q2_K.gguf", "--gguf"},
                                             {"acme/m-GGUF:Q8_0", "--include", "*"},
                                             {"acme/m-GGUF", "--gguf", "--exclude", "*"},
                                             {"acme/m-GGUF", "--drafts"}}) {
    CAPTURE(arguments);
    CHECK(s.download(arguments).code == 2);
  }
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a lock of one model holds the next download to it") {
  shell s;
  const auto lock = s.home / "m.lock";
  CHECK(s.run({"lock", "write", "acme/m-GGUF:Q8_0", "-o", lock}).code == 0);
  const auto text = test::read_file(lock);
  CHECK(contains(text, "\"m-Q8_0-00002-of-00002.gguf\""));
  CHECK_FALSE(contains(text, "m-Q2_K.gguf"));
  CHECK(s.download({"acme/m-GGUF:Q8_0", "--lock", lock}).code == 0);
  CHECK(s.download({"acme/m-GGUF:Q2_K", "--lock", lock}).code == 6);
}

TEST_CASE("a cache mapping gets the files of the model") {
  shell s;
  const auto map = s.home / "map.json";
  CHECK(s.download({"acme/m-GGUF:Q8_0", "--cache-mapping", map}).code == 0);
  const auto text = test::read_file(map);
  CHECK(contains(text, weights(4, 5'000).etag()));
  CHECK_FALSE(contains(text, weights(1, 10'000).etag()));
}

TEST_CASE("a preset.ini is fetched alone, its path is the last line, and a warning says so") {
  shell s;
  embedded::repo_model repo("acme/presets");
  repo.commit({{"m-Q4_K_M.gguf", weights(6)}, {"preset.ini", embedded::regular("[m]\n")}});
  s.hub.put(repo);
  const auto got = s.download({"acme/presets:Q4_K_M"});
  CHECK(got.code == 0);
  CHECK(got.out.ends_with("/preset.ini\n"));
  CHECK(contains(got.err, "warning: The repo has a preset.ini"));
  CHECK(s.hub.log().content_bytes_sent() == 4);
}
