#include <hubcache/error.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/upkeep/why.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <support/hub_cache.hpp>
#include <support/temp_folder.hpp>

namespace fs = std::filesystem;
using hubcache::trust;
using test::commit_of;

namespace {

hubcache::index_record record_of(const std::string& path, const hubcache::digest& name, trust state) {
  std::error_code ec;
  hubcache::place where;
  where.path = path;
  where.identity = hubcache::os::status(path, ec).identity;
  where.state = state;
  return {name, where};
}

struct setup {
  setup() {
    cache.add("acme/llm", commit_of('a'), {{"w.bin", "weights"}, {"nested/w.bin", "weights"}});
    cache.add("acme/llm", commit_of('b'), {{"w.bin", "weights"}}, "v1");
    cache.add("acme/other", commit_of('c'), {{"x", "other"}});
    know(blob(), trust::verified);
  }

  [[nodiscard]] std::string blob() const { return cache.blob("acme/llm", "weights"); }
  void know(const std::string& path, trust state) { know(path, name, state); }
  void know(const std::string& path, const hubcache::digest& as, trust state) {
    const auto one = record_of(path, as, state);
    index.insert(std::span(&one, 1));
  }
  hubcache::why_report ask(const std::string& asked) {
    hubcache::why_scope scope;
    scope.stores = {{hubcache::store_kind::hub_cache, cache.path(), hubcache::store_origin::own},
                    {hubcache::store_kind::ollama, home / "ollama", hubcache::store_origin::found}};
    scope.censuses = {hubcache::take_census(cache.path(), pool)};
    scope.pins = pins;
    return hubcache::explain(asked, index, scope);
  }

  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  hubcache::workers pool{1};
  hubcache::memory_index index;
  std::vector<hubcache::pin> pins;
  hubcache::digest name = test::content_of("weights").name;
};

const hubcache::why_place& place(const hubcache::why_report& report, const std::string& path) {
  const auto at =
      std::find_if(report.places.begin(), report.places.end(), [&](auto& p) { return p.path == path; });
  REQUIRE(at != report.places.end());
  return *at;
}

}  // namespace

TEST_CASE("a digest is explained by its places and its uses") {
  setup s;
  fs::create_hard_link(s.blob(), s.home.write("ollama/blobs/x", "") + "-linked");
  const auto report = s.ask(s.name.hex());
  CHECK(report.names == std::vector{s.name});
  CHECK(report.size == 7);
  REQUIRE(report.places.size() == 1);
  const auto& at = place(report, s.blob());
  CHECK(at.in.value().kind == hubcache::store_kind::hub_cache);
  CHECK(at.indexed);
  CHECK(at.state == trust::verified);
  CHECK(at.exists);
  CHECK(at.unchanged);  // though the new link changed its ctime
  CHECK(at.links == 2);
  REQUIRE(report.uses.size() == 3);
  CHECK(report.uses[0].repo == "model/acme/llm");
  CHECK(report.uses[0].commit == commit_of('a'));
  CHECK(report.uses[0].refs == std::vector<std::string>{"main"});
  CHECK(report.uses[0].path == "nested/w.bin");
  CHECK(report.uses[1].path == "w.bin");
  CHECK(report.uses[2].refs == std::vector<std::string>{"v1"});
}

TEST_CASE("every form of a digest is understood") {
  setup s;
  auto upper = s.name.hex();
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return std::toupper(c); });
  for (const auto& asked : {s.name.hex(), upper, "sha256:" + s.name.hex(), s.name.hex().substr(0, 8),
                            s.name.hex().substr(0, 63)}) {
    CAPTURE(asked);
    CHECK(s.ask(asked).names == std::vector{s.name});
  }
  CHECK(!s.ask(s.name.hex().substr(0, 7)).found());  // a path, which does not exist
}

TEST_CASE("a beginning that several contents have is refused") {
  setup s;
  auto twin = s.name.hex();
  twin.back() = twin.back() == '0' ? '1' : '0';
  s.know(s.home.write("file", "1"), *hubcache::digest::parse(twin), trust::claimed);
  CHECK_THROWS_AS(s.ask(s.name.hex().substr(0, 12)), hubcache::error);
  CHECK(s.ask(twin).names.size() == 1);
}

TEST_CASE(
    "a path is explained like its content: a blob, an entry, a symlink to it, or another store's file") {
  setup s;
  const auto ollama = s.home.write("ollama/blobs/sha256-x", "weights");
  s.know(ollama, trust::claimed);
  fs::create_symlink(s.blob(), s.home / "alias");
  for (const auto& path : {s.blob(), s.cache.layout("acme/llm").snapshot(commit_of('a')) + "/nested/w.bin",
                           s.home / "alias", ollama}) {
    CAPTURE(path);
    const auto report = s.ask(path);
    CHECK(report.names == std::vector{s.name});
    CHECK(report.uses.size() == 3);
    CHECK(report.places.size() == 2);
    CHECK(place(report, ollama).in.value().kind == hubcache::store_kind::ollama);
    CHECK(place(report, ollama).state == trust::claimed);
  }
}

TEST_CASE("blobs that the index does not know are found by their names") {
  setup s;
  const auto report = s.ask(test::content_of("other").name.hex());
  REQUIRE(report.places.size() == 1);
  CHECK(!report.places[0].indexed);
  CHECK(report.places[0].exists);
  CHECK(report.uses.at(0).repo == "model/acme/other");
}

TEST_CASE("places that are gone or changed are told as that") {
  setup s;
  const auto gone = s.home.write("gone", "weights");
  const auto changed = s.home.write("changed", "weights");
  s.know(gone, trust::verified);
  s.know(changed, trust::verified);
  fs::remove(gone);
  s.home.write("changed", "weights and more");
  const auto report = s.ask(s.name.hex());
  CHECK(!place(report, gone).exists);
  CHECK(!place(report, gone).in);
  CHECK(place(report, changed).exists);
  CHECK(!place(report, changed).unchanged);
  CHECK(report.size == 7);
  CHECK(s.ask(gone).names == std::vector{s.name});  // the index still knows what it was
  CHECK(!s.ask(changed).found());
}

TEST_CASE("content that has two digests is known by both") {
  setup s;
  const auto sha1 = test::content_of("weights", hubcache::digest_algorithm::git_sha1).name;
  s.know(s.blob(), sha1, trust::verified);
  const auto copy = s.home.write("copy", "weights");
  s.know(copy, sha1, trust::verified);
  for (const auto& asked : {s.name.hex(), sha1.hex()}) {
    const auto report = s.ask(asked);
    CHECK(report.names == std::vector{s.name, sha1});
    CHECK(place(report, copy).exists);
    CHECK(report.uses.size() == 3);
  }
}

TEST_CASE("blobs that no revision names are uses without a revision") {
  setup s;
  fs::remove_all(s.cache.layout("acme/other").snapshot(commit_of('c')));
  const auto report = s.ask(test::content_of("other").name.hex());
  REQUIRE(report.uses.size() == 1);
  CHECK(report.uses[0].commit.empty());
  CHECK(report.uses[0].path == test::content_of("other").name.hex());
}

TEST_CASE("uses that a pin keeps are marked") {
  setup s;
  s.pins = {{s.cache.path(), "model/acme/llm", "v1"}, {s.home / "elsewhere", "model/acme/llm", ""}};
  auto report = s.ask(s.name.hex());
  CHECK(!report.uses[0].pinned);
  CHECK(report.uses[2].pinned);
  s.pins = {{s.cache.path(), "model/acme/llm", ""}};
  report = s.ask(s.name.hex());
  CHECK(report.uses[0].pinned);
}

TEST_CASE("a pin keeps uses in a cache that the user names through a symlink") {
  setup s;
  fs::create_directory_symlink(s.cache.path(), s.home / "alias");
  hubcache::why_scope scope;
  scope.censuses = {hubcache::take_census(s.home / "alias", s.pool)};
  scope.pins = {{fs::canonical(s.cache.path()).string(), "model/acme/llm", "v1"}};
  const auto report = hubcache::explain(s.name.hex(), s.index, scope);
  REQUIRE(report.uses.size() == 3);
  CHECK(report.uses[2].cache_dir == s.home / "alias");
  CHECK(report.uses[2].pinned);
  CHECK(!report.uses[0].pinned);
}

TEST_CASE("what nobody knows is not found") {
  setup s;
  CHECK(!s.ask(std::string(64, '0')).found());
  CHECK(!s.ask(s.home / "nowhere").found());
  CHECK(!s.ask(s.home.write("stranger", "weights")).found());
  CHECK_THROWS_AS(s.ask(""), hubcache::error);
  CHECK(!s.ask(s.home.path().string()).found());
}
