// `hubcache cache report` as its users run it.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <support/hub_cache.hpp>
#include <support/process.hpp>
#include <vector>

namespace {

using result = test::outcome;

/// A home with a cache of two repos; one content lies there twice.
struct shell {
  shell() {
    cache.add("acme/one", test::commit_of('1'), {{"unet/a.bin", weights}, {"config.json", "{}"}});
    cache.add("acme/two", test::commit_of('2'), {{"model.bin", weights}});
  }

  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "cache", "report"});
    test::process child(std::move(arguments), {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}});
    return test::outcome_of(child);
  }

  const std::string weights = std::string(200'000, 'w');
  test::temp_folder home;
  test::hub_cache cache{home / "hf/hub"};
  const std::string page = home / "report.html";
};

std::uint64_t number(const std::string& json, std::string_view key) {
  simdjson::dom::parser parser;
  return parser.parse(json)[key];
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a report is written, its path is on stdout, and the cache stays as it is") {
  shell s;
  const auto got = s.run({"--html", s.page});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.out == s.page + "\n");
  CHECK(contains(got.err, "2 repos, "));
  const auto text = test::read_file(s.page);
  CHECK(text.starts_with("<!doctype html>\n"));
  CHECK(contains(text, "model/acme/one"));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(s.cache.path()))
    names.push_back(entry.path().filename());
  CHECK(names.size() == 2);
}

TEST_CASE("--json prints one object with the sums of the page") {
  shell s;
  const auto got = s.run({"--html", s.page, "--json"});
  CHECK(got.code == 0);
  CHECK(got.err.empty());
  CHECK(number(got.out, "bytes") == std::filesystem::file_size(s.page));
  CHECK(number(got.out, "repos") == 2);
  CHECK(number(got.out, "could_save") >= 200'000);
  CHECK(number(got.out, "on_disk") >= number(got.out, "could_save") * 2);
  CHECK(number(got.out, "apparent") == 400'002);
}

TEST_CASE("an older report is replaced, other files are not") {
  shell s;
  REQUIRE(s.run({"--html", s.page}).code == 0);
  s.cache.add("acme/three", test::commit_of('3'), {{"x", "y"}});
  REQUIRE(s.run({"--html", s.page, "-q"}).code == 0);
  CHECK(contains(test::read_file(s.page), "model/acme/three"));

  for (const std::string content : {"", "<!doctype html>\n", "thesis"}) {
    const auto other = s.home.write("thesis.html", content);
    const auto got = s.run({"--html", other});
    CHECK(got.code == 9);
    CHECK(contains(got.err, "no report of hubcache"));
    CHECK(test::read_file(other) == content);
  }
}

TEST_CASE("a folder, a symlink, a missing folder and a place in the cache are refused, each in its words") {
  shell s;
  std::filesystem::create_symlink(s.home / "elsewhere.html", s.home / "link.html");
  std::filesystem::create_directory_symlink(s.cache.path(), s.home / "way");
  const auto expect = [&](const std::string& path, int code, std::string_view words) {
    const auto got = s.run({"--html", path});
    CAPTURE(got.err);
    CHECK(got.code == code);
    CHECK(contains(got.err, words));
    CHECK(got.out.empty());
  };
  expect(s.home.path(), 9, "no plain file");
  expect(s.home / "link.html", 9, "no plain file");
  expect(s.home / "missing/report.html", 7, "missing/report.html");
  expect(s.cache.path() + "/report.html", 9, "lies in the cache");
  expect(s.home / "way/report.html", 9, "lies in the cache");
  expect("/dev/full", 9, "no plain file");
  expect("/proc/report.html", 7, "/proc/report.html");
  expect("", 2, "--html");
  CHECK(s.run({}).code == 2);
}

TEST_CASE("an empty cache and a missing one make a page, too") {
  shell s;
  const auto got = s.run({"--html", s.page, "--json", "--cache-dir", s.home / "nothing"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(number(got.out, "repos") == 0);
  CHECK(number(got.out, "on_disk") == 0);
}
