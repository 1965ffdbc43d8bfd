#include <hubcache/store/content_lock.hpp>
#include <hubcache/upkeep/quarantine.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <support/hub_cache.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>

using hubcache::verdict;
namespace fs = std::filesystem;

namespace {

struct scene {
  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  hubcache::workers pool{2};
  const hubcache::repo tiny{"acme/tiny"};
  const std::string weights = test::patterned(200'000);
  const std::string blob;

  scene() : blob(cache.blob(tiny, weights)) {
    cache.add(tiny, test::commit_of('1'), {{"config.json", "{}"}, {"sub/model.bin", weights}}, "");
    cache.add(tiny, test::commit_of('2'), {{"model.bin", weights}});
  }

  void damage() const {
    auto bytes = weights;
    bytes.front() = '?';
    std::ofstream(blob, std::ios::binary) << bytes;
  }
  [[nodiscard]] hubcache::census look() { return hubcache::take_census(cache.path(), pool); }
  [[nodiscard]] static hubcache::verification check(const hubcache::census& seen, hubcache::workers& pool) {
    std::vector<hubcache::verify_scope> all;
    for (std::size_t i = 0; i < seen.repos.size(); ++i) all.emplace_back(i);
    return verify(plan_verify(seen, all, {}), test::hashes, pool, {}, {});
  }
  /// The whole of it, as `hubcache cache verify --quarantine` does.
  hubcache::quarantine_plan run() {
    seen = look();
    done = check(seen, pool);
    return quarantine(plan_quarantine(seen, done), home / "state", {});
  }
  [[nodiscard]] std::size_t quarantined() const {
    std::error_code ec;
    const auto folder = fs::directory_iterator(hubcache::quarantine_dir(cache.path()), ec);
    return ec ? 0 : static_cast<std::size_t>(std::distance(folder, fs::directory_iterator()));
  }

  hubcache::census seen;
  hubcache::verification done;
};

}  // namespace

TEST_CASE("a corrupt blob moves out of sight with all its entries, and nothing else is wrong afterwards") {
  scene s;
  s.damage();
  const auto damaged = test::read_file(s.blob);
  const auto moved = s.run();
  REQUIRE(moved.steps.size() == 1);
  const auto& step = moved.steps.front();
  CHECK(step.problem.empty());
  CHECK(step.entries.size() == 2);
  CHECK(step.moved_to.starts_with(hubcache::quarantine_dir(s.cache.path()) + "/" +
                                  test::content_of(s.weights).name.hex() + "."));
  CHECK(test::read_file(step.moved_to) == damaged);
  CHECK(!fs::exists(s.blob));

  const auto after = s.look();
  CHECK(after.problems.empty());
  CHECK(scene::check(after, s.pool).counts()[static_cast<std::size_t>(verdict::ok)] == 1);
  CHECK(after.repos.front().revisions.size() == 2);
}

TEST_CASE("what is to be fetched again is told by snapshot") {
  scene s;
  s.damage();
  fs::remove(s.cache.blob(s.tiny, "{}"));
  const auto moved = s.run();
  const auto wanted = files_to_fetch(s.seen, s.done, moved);
  REQUIRE(wanted.size() == 2);
  CHECK(wanted[0].type == "model");
  CHECK(wanted[0].id == "acme/tiny");
  CHECK(wanted[0].commit == test::commit_of('1'));
  CHECK(wanted[0].files == std::vector<std::string>{"config.json", "sub/model.bin"});
  CHECK(wanted[1].files == std::vector<std::string>{"model.bin"});
}

TEST_CASE("all hard links of a corrupt inode go, in whatever repo they lie") {
  scene s;
  const hubcache::repo twin("other/twin");
  s.cache.add(twin, test::commit_of('3'), {{"w", s.weights}});
  fs::remove(s.cache.blob(twin, s.weights));
  fs::create_hard_link(s.blob, s.cache.blob(twin, s.weights));
  s.damage();
  const auto moved = s.run();
  CHECK(moved.steps.size() == 2);
  CHECK(s.quarantined() == 2);
  CHECK(!fs::exists(s.cache.blob(twin, s.weights)));
  CHECK(s.look().problems.empty());
}

TEST_CASE("content of another store is reported and left alone") {
  scene s;
  const auto payload = s.home.write("ollama/blobs/payload", "not the weights at all");
  fs::remove(s.blob);
  fs::create_symlink(payload, s.blob);
  const auto moved = s.run();
  REQUIRE(moved.steps.size() == 1);
  CHECK(moved.steps.front().problem.find(payload) != std::string::npos);
  CHECK(fs::exists(payload));
  CHECK(fs::is_symlink(s.blob));
  CHECK(files_to_fetch(s.seen, s.done, moved).empty());
}

TEST_CASE("blobs of other repos that are symlinks to a corrupt one go with it") {
  scene s;
  const hubcache::repo twin("other/twin");
  s.cache.add(twin, test::commit_of('3'), {{"w", s.weights}});
  fs::remove(s.cache.blob(twin, s.weights));
  fs::create_symlink("../../models--acme--tiny/blobs/" + test::content_of(s.weights).name.hex(),
                     s.cache.blob(twin, s.weights));
  s.damage();
  const auto moved = s.run();
  CHECK(moved.steps.size() == 2);
  CHECK(s.quarantined() == 1);
  CHECK(!fs::is_symlink(s.cache.blob(twin, s.weights)));
  CHECK(s.look().problems.empty());
  const auto wanted = files_to_fetch(s.seen, s.done, moved);
  CHECK(wanted.size() == 3);
  CHECK(wanted.back().files == std::vector<std::string>{"w"});
}

TEST_CASE("an entry that leads to the wrong blob goes alone") {
  scene s;
  hubcache::listing listed;
  listed.commit = test::commit_of('2');
  auto& entry = listed.files.emplace_back();
  entry.path = "model.bin";
  entry.blob_id = test::content_of("other", hubcache::digest_algorithm::git_sha1).name.hex();
  entry.size = s.weights.size();
  std::error_code ec;
  write_tree(s.cache.layout(s.tiny).tree(listed.commit), listed, ec);
  const auto moved = s.run();
  REQUIRE(moved.steps.size() == 1);
  CHECK(moved.steps.front().problem.empty());
  CHECK(fs::exists(s.blob));
  CHECK(!fs::is_symlink(s.cache.layout(s.tiny).snapshot(listed.commit) + "/model.bin"));
  CHECK(fs::exists(s.cache.layout(s.tiny).snapshot(test::commit_of('1')) + "/sub/model.bin"));
  CHECK(files_to_fetch(s.seen, s.done, moved).size() == 1);
}

TEST_CASE("what another process moves now, or what changed since it was hashed, stays") {
  scene s;
  s.damage();
  s.seen = s.look();
  s.done = scene::check(s.seen, s.pool);
  const auto planned = plan_quarantine(s.seen, s.done);
  std::error_code ec;
  {
    const auto lock =
        hubcache::content_lock::try_lock(s.home / "state", test::content_of(s.weights).name,
                                         s.cache.layout(s.tiny).lock(test::content_of(s.weights).name), ec);
    REQUIRE(lock);
    CHECK(quarantine(planned, s.home / "state", {}).steps.front().problem == "another process works on it");
  }
  fs::remove(s.blob);
  s.cache.add(s.tiny, test::commit_of('4'), {{"model.bin", s.weights}});
  CHECK(quarantine(planned, s.home / "state", {}).steps.front().problem == "it changed meanwhile");
  CHECK(test::read_file(s.blob) == s.weights);
  CHECK(s.quarantined() == 0);
}

namespace {

/// A repo of one plain file that does not hold what its listing says.
struct plain_scene : scene {
  plain_scene() {
    hubcache::listing listed;
    listed.commit = test::commit_of('5');
    auto& entry = listed.files.emplace_back();
    entry.path = "a/b";
    entry.blob_id = test::content_of("perfect", hubcache::digest_algorithm::git_sha1).name.hex();
    entry.size = 7;
    std::error_code ec;
    write_tree(cache.layout("acme/plain").tree(listed.commit), listed, ec);
    path = home.write("hub/models--acme--plain/snapshots/" + listed.commit + "/a/b", "damaged");
  }
  std::string path;
};

}  // namespace

TEST_CASE("a read-only plain file of a cache without symlinks moves by itself") {
  plain_scene s;
  fs::permissions(s.path, fs::perms(0444));
  const auto moved = s.run();
  REQUIRE(moved.steps.size() == 1);
  CHECK(!fs::exists(s.path));
  CHECK(test::read_file(moved.steps.front().moved_to) == "damaged");
  const auto wanted = files_to_fetch(s.seen, s.done, moved);
  REQUIRE(wanted.size() == 1);
  CHECK(wanted.front().files == std::vector<std::string>{"a/b"});
}

TEST_CASE("a writable plain file may hold its user's edit: it stays, and that is told") {
  plain_scene s;
  const auto moved = s.run();
  REQUIRE(moved.steps.size() == 1);
  CHECK(moved.steps.front().problem.find("may have edited") != std::string::npos);
  CHECK(test::read_file(s.path) == "damaged");
}
