#include <hubcache/store.hpp>
#include <hubcache/store/ledger.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <support/hub_cache.hpp>
#include <support/machine.hpp>
#include <thread>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::file_action;
using hubcache::store;
using hubcache::store_kind;
using hubcache::store_origin;
using test::machine;

namespace {

/// A Hub with one repo, and a machine where other tools keep files.
struct scene {
  scene() {
    hub.put(embedded::tiny());
    here.config.stores.clear();
  }

  /// Puts `bytes` where another tool would, and tells the machine of the store.
  void add_store(store_kind kind, const std::string& path, store_origin origin = store_origin::configured) {
    here.config.stores.emplace_back(kind, here.home / path, origin);
  }
  /// A Hub cache of somebody else with the whole repo in it.
  test::hub_cache team_cache() {
    std::map<std::string, std::string> plain;
    for (const auto& [path, file] : files) plain[path] = file.content.text();
    const test::hub_cache team(here.home / "team");
    team.add("acme/tiny", commit, plain);
    return team;
  }

  embedded::hub hub;
  machine here{hub};
  std::string commit = embedded::tiny().refs.at("refs/heads/main");
  embedded::file_map files = embedded::tiny().files();
  std::string weights = files.at("model.safetensors").content.text();
  std::string etag = files.at("model.safetensors").etag();
};

const hubcache::snapshot_file& file(const hubcache::snapshot& s, std::string_view path) {
  return *std::find_if(s.files.begin(), s.files.end(), [&](const auto& f) { return f.path == path; });
}

}  // namespace

TEST_CASE("weights that Ollama has are linked from there") {
  scene s;
  const auto blob = s.here.home.write("ollama/blobs/sha256-" + s.etag, s.weights);
  s.add_store(store_kind::ollama, "ollama", store_origin::found);
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(test::holds(got, s.files));
  CHECK(file(got, "model.safetensors").action == file_action::linked);
  CHECK(file(got, "model.safetensors").source == blob);
}

TEST_CASE("weights in a local folder's download are found by its records") {
  scene s;
  machine other(s.hub);
  hubcache::snapshot_options options;
  options.local_dir = s.here.home / "mine";
  other.snapshot("acme/tiny", options);
  s.add_store(store_kind::local_dir, "mine");
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(file(got, "model.safetensors").action == file_action::linked);
  CHECK(file(got, "model.safetensors").link != hubcache::link_kind::hard_link);
}

TEST_CASE("a store that lies about its bytes is found out, and the bytes are fetched") {
  scene s;
  auto wrong = s.weights;
  wrong[wrong.size() / 2] ^= 1;
  s.here.home.write("ollama/blobs/sha256-" + s.etag, wrong);
  s.add_store(store_kind::ollama, "ollama");
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(test::holds(got, s.files));
  CHECK(file(got, "model.safetensors").action == file_action::fetched);
  CHECK(s.here.warnings().size() == 1);
}

TEST_CASE("a team's read-only cache serves what it has, and misses go to the private one") {
  scene s;
  const auto team = s.team_cache();
  fs::remove(team.blob("acme/tiny", s.weights));
  s.add_store(store_kind::hub_cache, "team");
  s.here.config.stores.back().read_only = true;
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(test::holds(got, s.files));
  CHECK(file(got, "model.safetensors").action == file_action::fetched);
  CHECK(fs::exists(s.here.blob("acme/tiny", s.etag)));
  CHECK_FALSE(fs::exists(team.blob("acme/tiny", s.weights)));
}

TEST_CASE("content of an in-place store is shown by an absolute symlink") {
  scene s;
  const auto team = s.team_cache();
  s.add_store(store_kind::hub_cache, "team");
  s.here.config.stores.back().in_place = true;
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(test::holds(got, s.files));
  const auto blob = s.here.blob("acme/tiny", s.etag);
  REQUIRE(fs::is_symlink(blob));
  CHECK(fs::read_symlink(blob) == team.blob("acme/tiny", s.weights));
  CHECK(file(got, "model.safetensors").link == hubcache::link_kind::symlink);
}

TEST_CASE("an in-place symlink counts as present the next time") {
  scene s;
  const auto team = s.team_cache();
  s.add_store(store_kind::hub_cache, "team");
  s.here.config.stores.back().in_place = true;
  s.here.snapshot("acme/tiny");
  const auto again = s.here.snapshot("acme/tiny");
  CHECK(file(again, "model.safetensors").action == file_action::present);
}

TEST_CASE("offline a configured cache shows its revisions, listings and contents") {
  scene s;
  s.team_cache();
  s.add_store(store_kind::hub_cache, "team");
  s.here.config.offline = true;
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(got.commit == s.commit);
  CHECK(file(got, "model.safetensors").action == file_action::linked);
  CHECK(test::read_file(got.path_of("model.safetensors")) == s.weights);
}

TEST_CASE("offline a cache that was merely found does not speak for the Hub") {
  scene s;
  s.team_cache();
  s.add_store(store_kind::hub_cache, "team", store_origin::found);
  s.here.config.offline = true;
  const auto failure = s.here.failure("acme/tiny");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::not_cached);
}

TEST_CASE("the first of several stores serves") {
  scene s;
  s.here.home.write("second/blobs/sha256-" + s.etag, s.weights);
  const auto first = s.here.home.write("first/blobs/sha256-" + s.etag, s.weights);
  s.add_store(store_kind::ollama, "first");
  s.add_store(store_kind::ollama, "second");
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(file(got, "model.safetensors").source == first);
}

TEST_CASE("without the smart cache no store is looked at") {
  scene s;
  s.here.home.write("ollama/blobs/sha256-" + s.etag, s.weights);
  s.add_store(store_kind::ollama, "ollama");
  hubcache::snapshot_options options;
  options.smart_cache = false;
  const auto got = s.here.snapshot("acme/tiny", options);
  CHECK(file(got, "model.safetensors").action == file_action::fetched);
}

TEST_CASE("a payload of huggingface_hub's shared store is never pointed at by a symlink of ours") {
  scene s;
  const auto xet = std::string(64, 'e');
  const auto payload = s.here.home.write("team/blobs/ee/" + xet, s.weights);
  s.here.home.write("team/blobs/.huggingface-shared-blobs", "1\n");
  const auto blob = s.here.home / "team/models--acme--tiny/blobs";
  fs::create_directories(blob);
  fs::create_symlink("../../blobs/ee/" + xet, blob + "/" + s.etag);
  s.add_store(store_kind::hub_cache, "team");
  s.here.config.stores.back().in_place = true;
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(file(got, "model.safetensors").source == payload);
  CHECK(file(got, "model.safetensors").link != hubcache::link_kind::symlink);
  CHECK_FALSE(fs::is_symlink(s.here.blob("acme/tiny", s.etag)));
}

TEST_CASE("a run waits while something is removed from its repo's folder") {
  scene s;
  std::error_code ec;
  const hubcache::ledger book(s.here.config.state_dir);
  auto removing =
      book.try_lease(s.here.config.cache_dir, "models--acme--tiny", hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(removing);
  std::thread other([&removing] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    removing.reset();
  });
  const auto begun = std::chrono::steady_clock::now();
  const auto got = s.here.snapshot("acme/tiny");
  other.join();
  CHECK(test::holds(got, s.files));
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(190));
}

TEST_CASE("a run records that its snapshot was used") {
  scene s;
  const auto got = s.here.snapshot("acme/tiny");
  const hubcache::ledger book(s.here.config.state_dir);
  CHECK(book.last_use(s.here.config.cache_dir, "models--acme--tiny", got.commit));
}
