#include <hubcache/error.hpp>
#include <hubcache/upkeep/index_folder.hpp>
#include <hubcache/upkeep/rebuild.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <store/contents.hpp>
#include <support/hub_cache.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <thread>

namespace fs = std::filesystem;
using hubcache::mapped_index;
using hubcache::rebuild_report;
using hubcache::store;
using hubcache::store_kind;
using hubcache::store_origin;
using hubcache::trust;
using test::content_of;

namespace {

void age(const fs::path& path, int seconds = 10) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
}

/// A machine with a cache, Ollama's store, and a folder that was indexed.
struct scene {
  scene() {
    config.cache_dir = cache.path();
    config.state_dir = home / "state";
    config.stores.emplace_back(store_kind::ollama, home / "ollama", store_origin::found);
    cache.add("acme/tiny", test::commit_of('a'), {{"a", "in the cache"}, {"b", "in the cache, too"}});
    const auto name = content_of("of ollama").name.hex();
    home.write("ollama/blobs/sha256-" + name, "of ollama");
    fs::create_directories(home / "ollama/manifests");
    write("small.json", "{}");
    write("large.bin", large);
    add();
  }

  void write(const std::string& name, std::string_view bytes) const {
    age(home.write("models/" + name, bytes));
  }
  void add() const {
    hubcache::workers pool(1);
    mapped_index index(folder);
    const auto plan = hubcache::plan_folder(home / "models", {}, index);
    REQUIRE(hubcache::index_folder(plan, test::hashes, index, pool).complete);
  }
  rebuild_report run(const std::stop_token& stop = {}) const {
    mapped_index index(folder);
    return hubcache::rebuild_index(index, config, stop);
  }
  [[nodiscard]] std::vector<hubcache::place> places(std::string_view bytes) const {
    return mapped_index(folder).find(content_of(bytes).name);
  }
  [[nodiscard]] bool verified(std::string_view bytes) const {
    const auto found = places(bytes);
    return found.size() == 1 && found.front().state == trust::verified;
  }
  [[nodiscard]] bool claimed(std::string_view bytes) const {
    const auto found = places(bytes);
    return found.size() == 1 && found.front().state == trust::claimed;
  }

  test::temp_folder home{fs::canonical(fs::temp_directory_path())};
  test::hub_cache cache{home / "hub"};
  hubcache::settings config;
  std::string folder = home / "state/index";
  std::string large = test::patterned(hubcache::largest_git_file + 1);
};

std::size_t claims_in(const rebuild_report& report, store_kind kind) {
  std::size_t count = 0;
  for (const auto& [where, files] : report.claims) count += where.kind == kind ? files : 0;
  return count;
}

}  // namespace

TEST_CASE("a rebuilt index has what was hashed, verified, and what names say, as claims") {
  scene s;
  const auto report = s.run();
  CHECK(report.complete);
  CHECK(report.verified == 3);  // one name for the large file, two for the small one
  CHECK(report.dropped == 0);
  CHECK(report.problems.empty());
  CHECK(claims_in(report, store_kind::hub_cache) == 2);
  CHECK(claims_in(report, store_kind::ollama) == 1);
  CHECK(s.verified("{}"));
  CHECK(s.verified(s.large));
  CHECK(s.claimed("in the cache"));
  CHECK(s.claimed("of ollama"));
}

TEST_CASE("a missing index is rebuilt from the stores, again and again") {
  scene s;
  CHECK(s.run().complete);
  fs::remove_all(s.folder);
  for (int round = 0; round < 2; ++round) {
    const auto report = s.run();
    CHECK(report.verified == 0);
    CHECK(claims_in(report, store_kind::hub_cache) == 2);
    CHECK(s.claimed("in the cache, too"));
  }
}

TEST_CASE("an index full of random bytes is rebuilt, with whatever of it checks out") {
  scene s;
  s.run();
  for (const auto& entry : fs::directory_iterator(s.folder)) {
    const bool table = entry.path().extension() == ".table";
    if (!table && entry.path().extension() != ".log") continue;
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    const auto noise = test::patterned(table ? fs::file_size(entry.path()) : 100);
    file.seekp(table ? 0 : static_cast<std::streamoff>(fs::file_size(entry.path()) - 100));
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  const auto report = s.run();
  CHECK(report.complete);
  CHECK(report.verified >= 2);
  CHECK(claims_in(report, store_kind::hub_cache) == 2);
  CHECK(s.claimed("in the cache"));
}

TEST_CASE("files of another version are left alone") {
  scene s;
  const auto newer = s.home.write("state/index/index-v9.table", "of the future");
  CHECK(s.run().complete);
  CHECK(test::read_file(newer) == "of the future");
}

TEST_CASE("records of files that are gone or were edited are dropped") {
  scene s;
  fs::remove(s.home / "models/small.json");
  s.write("large.bin", "short now");
  const auto report = s.run();
  CHECK(report.dropped == 3);
  CHECK(report.verified == 0);
  CHECK(s.places("{}").empty());
  CHECK(s.places(s.large).empty());
}

TEST_CASE("a file that was touched is a claim, and keeps the fingerprint that spares a second hash") {
  scene s;
  age(s.home / "models/large.bin", 5);
  const auto report = s.run();
  CHECK(report.dropped == 0);
  REQUIRE(s.claimed(s.large));
  CHECK(s.places(s.large).front().fingerprint != 0);
  mapped_index index(s.folder);
  const auto plan = hubcache::plan_folder(s.home / "models", {}, index);
  REQUIRE(plan.to_read.size() == 1);
  CHECK(plan.to_read.front().expected == content_of(s.large).name);
}

TEST_CASE("a rebuild does not trust what the last scan remembered") {
  scene s;
  s.run();
  mapped_index index(s.folder);
  index.forget(content_of("in the cache").name, s.cache.blob("acme/tiny", "in the cache"));
  CHECK(s.places("in the cache").empty());
  CHECK(claims_in(s.run(), store_kind::hub_cache) == 2);
  CHECK(s.claimed("in the cache"));
}

TEST_CASE("a rebuild that was stopped leaves an index that is right, and the next one completes it") {
  scene s;
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(s.run(stop.get_token()).complete);
  CHECK(s.verified("{}"));
  CHECK(s.run().complete);
  CHECK(s.claimed("in the cache"));
}

TEST_CASE("who reads meanwhile finds what was there all along") {
  scene s;
  const auto name = content_of(s.large).name;
  std::atomic<bool> done = false;
  std::atomic<int> missed = 0;
  std::thread reader([&] {
    mapped_index index(s.folder);
    while (!done) missed += index.find(name).empty() ? 1 : 0;
  });
  for (int round = 0; round < 20; ++round) CHECK(s.run().verified == 3);
  done = true;
  reader.join();
  CHECK(missed == 0);
}

TEST_CASE("an index that cannot be written is an error") {
  scene s;
  fs::remove_all(s.home / "state");
  s.home.write("state", "a file");
  CHECK_THROWS_AS(s.run(), hubcache::error);
}
