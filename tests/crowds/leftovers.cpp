// What killed processes leave over at instants that kill loops hardly ever hit, planted: `cache prune` removes it.
#include <doctest/doctest.h>

#include <chrono>
#include <crowds/shell.hpp>
#include <filesystem>
#include <string>

namespace fs = std::filesystem;

namespace {

struct kept_home : test::shell {
  kept_home() {
    hub.put(embedded::tiny());
    REQUIRE(download("acme/tiny").empty());
  }
  /// A file below HF_HOME, of an age.
  fs::path plant(const std::string& name, std::chrono::hours age) const {
    const fs::path path = home.write("hf/" + name, "left over");
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
    return path;
  }
};

constexpr std::chrono::hours long_ago(2);

}  // namespace

TEST_CASE("prune removes the temporaries of killed writers, and no others") {
  const kept_home s;
  const auto blobs = "hub/models--acme--tiny/blobs/";
  const std::vector<fs::path> dead{s.plant("hubcache/folders.0f1e2d3c.tmp", long_ago),
                                   s.plant("hubcache/pins/x.json.0f1e2d3c.tmp", long_ago),
                                   s.plant("hubcache/index/index-v2-0123456789abcdef.tmp", long_ago),
                                   s.plant("hubcache/index/index-v2-0123456789abcdef.log", long_ago),
                                   s.plant(std::string(blobs) + "ref.0f1e2d3c.incomplete", long_ago),
                                   s.plant(std::string(blobs) + "tree.0f1e2d3c.incomplete", long_ago)};
  const auto young = s.plant("hubcache/folders.3c2d1e0f.tmp", std::chrono::hours(0));
  CHECK(s.run({"cache", "prune", "-y", "--dry-run"}).code == 0);
  for (const auto& path : dead) CHECK_MESSAGE(fs::exists(path), path.string());
  CHECK(s.run({"cache", "prune", "-y"}).code == 0);
  for (const auto& path : dead) CHECK_MESSAGE(!fs::exists(path), path.string());
  CHECK(fs::exists(young));
  CHECK(s.complaints() == "");
}

TEST_CASE("rm, gc and prune tell the index of what they removed") {
  test::shell s;
  s.hub.put(embedded::tiny());
  REQUIRE(s.download("acme/tiny") == "");
  const auto known = std::stoul(s.run({"index", "stats", "-q"}).out);
  CHECK(s.run({"cache", "rm", "acme/tiny", "-y"}).code == 0);
  // A small content's other name goes when it is looked up next.
  CHECK(std::stoul(s.run({"index", "stats", "-q"}).out) <= known / 2);
}
