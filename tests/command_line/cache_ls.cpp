// `hubcache cache ls` and `hubcache index why` as their users run them.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <string>
#include <support/hub_cache.hpp>
#include <support/process.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace fs = std::filesystem;
using test::commit_of;

namespace {

using result = test::outcome;

/// A home with a cache of three repos; two share a hard link.
struct shell {
  shell() {
    cache.add("acme/one", commit_of('1'), {{"w.bin", weights}, {"config.json", "{}"}});
    cache.add("acme/one", commit_of('2'), {{"w.bin", weights}}, "v1");
    cache.add({"acme/data", hubcache::repo_type::dataset}, commit_of('3'), {{"t", std::string(50'000, 't')}});
    cache.add("acme/two", commit_of('4'), {{"own", std::string(30'000, 'o')}});
    const auto link = cache.blob("acme/two", weights);
    fs::create_hard_link(cache.blob("acme/one", weights), link);
    fs::create_symlink(hubcache::hub_layout::entry_target("w.bin", test::content_of(weights).name),
                       cache.layout("acme/two").snapshot(commit_of('4')) + "/w.bin");
  }

  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    test::process child(std::move(arguments), {{"HF_HOME", home / "hf"}, {"HOME", home.path().string()}});
    return test::outcome_of(child);
  }
  result ls(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"cache", "ls"});
    return run(std::move(arguments));
  }
  result why(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"index", "why"});
    return run(std::move(arguments));
  }

  const std::string weights = std::string(200'000, 'w');
  test::temp_folder home;
  test::hub_cache cache{home / "hf/hub"};
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// The line of a table that begins with `id`, blanks squeezed.
std::string line_of(const std::string& text, const std::string& id) {
  const auto begin = ("\n" + text).find("\n" + id);
  if (begin == std::string::npos) return {};
  auto line = text.substr(begin, text.find('\n', begin) - begin);
  line.erase(std::unique(line.begin(), line.end(), [](char a, char b) { return a == ' ' && b == ' '; }),
             line.end());
  return line;
}

}  // namespace

TEST_CASE("the table tells of each repo what it holds and what deleting it would free") {
  shell s;
  const auto got = s.ls({});
  CAPTURE(got.out);
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.err.empty());
  CHECK(line_of(got.out, "ID") == "ID SIZE UNIQUE SHARED LAST_ACCESSED LAST_MODIFIED REFS SHARED_WITH");
  const std::string now = "a few seconds ago a few seconds ago ";
  CHECK(line_of(got.out, "model/acme/one").starts_with("model/acme/one 200.0K "));
  CHECK(line_of(got.out, "model/acme/one").ends_with(now + "main, v1 model/acme/two"));
  CHECK(line_of(got.out, "model/acme/two").ends_with(now + "main model/acme/one"));
  CHECK(line_of(got.out, "dataset/acme/data").ends_with("a few seconds ago main"));
  CHECK(contains(got.out, "\nFound 3 repo(s) for a total of 4 revision(s) and "));
  CHECK(contains(got.out, "K on disk (480.0K by file sizes).\n"));
  CHECK(s.run({"cache", "list"}).out == got.out);
}

TEST_CASE("revisions are listed by what each alone would free") {
  shell s;
  const auto got = s.ls({"--revisions"});
  CAPTURE(got.out);
  CHECK(got.code == 0);
  CHECK(line_of(got.out, "ID") == "ID REVISION SIZE UNIQUE LAST_MODIFIED REFS");
  CHECK(line_of(got.out, "model/acme/one    " + commit_of('2')) ==
        "model/acme/one " + commit_of('2') + " 200.0K 0.0 a few seconds ago v1");
  CHECK(contains(got.out, "Found 3 repo(s) for a total of 4 revision(s)"));
}

TEST_CASE("quiet prints names alone; filters, order and limit choose among them") {
  shell s;
  const std::string all = "dataset/acme/data\nmodel/acme/one\nmodel/acme/two\n";
  CHECK(s.ls({"-q"}).out == all);
  CHECK(s.ls({"-q", "--sort", "size"}).out == "model/acme/two\nmodel/acme/one\ndataset/acme/data\n");
  CHECK(s.ls({"-q", "--sort", "unique", "--limit", "1"}).out == "dataset/acme/data\n");
  CHECK(s.ls({"-q", "-f", "type=model"}).out == "model/acme/one\nmodel/acme/two\n");
  CHECK(s.ls({"-q", "-f", "type=model", "--filter", "size>210k"}).out == "model/acme/two\n");
  CHECK(s.ls({"-q", "-f", "accessed>1h"}).out.empty());
  CHECK(s.ls({"-q", "--revisions", "-f", "refs=v1"}).out == commit_of('2') + "\n");
  const auto none = s.ls({"-f", "size>1T"});
  CHECK(none.code == 0);
  CHECK(none.out == "No cached repositories found.\n");
}

TEST_CASE("a filter or an order that makes no sense is wrong usage") {
  shell s;
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"-f", "colour=red"}, {"-f", "size>1parsec"}, {"--sort", "beauty"}, {"--limit", "-1"}}) {
    const auto got = s.ls(arguments);
    CAPTURE(got.err);
    CHECK(got.code == 2);
    CHECK(got.out.empty());
    CHECK(contains(got.err, "error: "));
  }
}

TEST_CASE("--json prints one object with exact numbers") {
  shell s;
  const auto got = s.ls({"--json"});
  CHECK(got.code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::element json = parser.parse(got.out);
  CHECK(std::string_view(json["cache_dir"]) == s.cache.path());
  CHECK(std::uint64_t(json["size"]) == 480'002);
  const simdjson::dom::element one = json["repos"].at(1);
  CHECK(std::string_view(one["id"]) == "model/acme/one");
  CHECK(std::uint64_t(one["size"]) == 200'002);
  CHECK(std::uint64_t(one["on_disk"]) == std::uint64_t(one["unique"]) + std::uint64_t(one["shared"]));
  CHECK(std::uint64_t(one["shared"]) >= 200'000);
  CHECK(std::string_view(one["shared_with"].at(0)) == "model/acme/two");
  CHECK(std::string_view(one["refs"].at(1)) == "v1");
  CHECK(std::uint64_t(one["last_accessed"]) > 1'700'000'000);
  CHECK(json["warnings"].get_array().size() == 0);
}

TEST_CASE("what is wrong with the cache is counted, printed on request, and no failure") {
  shell s;
  s.home.write("hf/hub/stray", "");
  s.home.write("hf/hub/models--acme--one/blobs/" + std::string(64, '0') + ".incomplete", "partial");
  const auto brief = s.ls({});
  CHECK(brief.code == 0);
  CHECK(contains(brief.err, "warning: 1 warning about the cache; --show-warnings prints them."));
  CHECK(contains(brief.err, "hint: 1 incomplete file of "));
  const auto full = s.ls({"--show-warnings"});
  CHECK(contains(full.err, "/stray: Repo path is not a directory"));
  CHECK(full.out == brief.out);
  CHECK(s.ls({"-q"}).err.empty());
}

TEST_CASE("a folder that cannot be read is an error, and all others are listed") {
  shell s;
  const auto locked = s.cache.layout("acme/two").snapshots_dir();
  fs::permissions(locked, fs::perms::none);
  std::vector<std::string> arguments{HUBCACHE_COMMAND, "cache", "ls"};
  // Root may read everything: become somebody else.
  if (::geteuid() == 0) arguments.insert(arguments.begin(), {"/usr/bin/setpriv", "--reuid=65534"});
  test::process child(arguments, {{"HF_HOME", s.home / "hf"}, {"HOME", s.home.path().string()}});
  const int code = child.wait();
  fs::permissions(locked, fs::perms::all);
  CAPTURE(child.err());
  CHECK(code == 1);
  CHECK(contains(child.err(), "snapshots cannot be read: "));
  CHECK(contains(child.out(), "model/acme/one"));
}

TEST_CASE("an empty cache is listed as that") {
  shell s;
  const auto got = s.ls({"--cache-dir", s.home / "elsewhere"});
  CHECK(got.code == 0);
  CHECK(got.out == "No cached repositories found.\n");
  CHECK(!fs::exists(s.home / "elsewhere"));
}

TEST_CASE("the places and uses of a content are told by its digest and by any of its paths") {
  shell s;
  const auto blob = s.cache.blob("acme/one", s.weights);
  const auto name = test::content_of(s.weights).name.hex();
  const auto by_hash = s.why({name});
  CAPTURE(by_hash.out);
  CHECK(by_hash.code == 0);
  CHECK(by_hash.out.starts_with("sha256 " + name + "\nsize 200.0K (200000 bytes)\n\nPLACE"));
  CHECK(line_of(by_hash.out, blob) == blob + " hub-cache claimed 2 present");
  CHECK(line_of(by_hash.out, "model/acme/one " + commit_of('2')) ==
        "model/acme/one " + commit_of('2') + " v1 w.bin " + s.cache.path());
  CHECK(!line_of(by_hash.out, "model/acme/two").empty());
  CHECK(s.why({name.substr(0, 12)}).out == by_hash.out);
  CHECK(s.why({blob}).out == by_hash.out);
  CHECK(s.why({s.cache.layout("acme/two").snapshot(commit_of('4')) + "/w.bin"}).out == by_hash.out);
  CHECK(s.why({name, "-q"}).out == blob + "\n" + s.cache.blob("acme/two", s.weights) + "\n");
}

TEST_CASE("a content that nobody knows ends with exit code 5") {
  shell s;
  for (const auto& asked : {std::string(64, 'f'), std::string("ffffffff"), s.home / "nowhere"}) {
    const auto got = s.why({asked});
    CHECK(got.code == 5);
    CHECK(got.out.empty());
    CHECK(contains(got.err, "is known neither to"));
  }
  const auto json = s.why({std::string(64, 'f'), "--json"});
  CHECK(json.code == 5);
  CHECK(contains(json.out, "\"found\": false"));
}

TEST_CASE("index why --json prints one object") {
  shell s;
  const auto got = s.why({test::content_of(s.weights).name.hex(), "--json"});
  simdjson::dom::parser parser;
  const simdjson::dom::element json = parser.parse(got.out);
  CHECK(bool(json["found"]));
  CHECK(std::string_view(json["digests"].at(0)["algorithm"]) == "sha256");
  CHECK(std::uint64_t(json["size"]) == 200'000);
  CHECK(json["places"].get_array().size() == 2);
  CHECK(std::string_view(json["places"].at(0)["store"]) == "hub-cache");
  CHECK(json["uses"].get_array().size() == 3);
}
