#include <hubcache/error.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <support/hub_cache.hpp>
#include <support/temp_folder.hpp>

using hubcache::errc;
using hubcache::parse_lock_file;
using hubcache::verdict;
namespace fs = std::filesystem;

namespace {

const std::string config = "{\"a\": 1}";
const std::string weights(200'000, 'w');

/// A cache with a snapshot of acme/tiny, and the lock of it. config.json is in it as git names it.
struct scene {
  scene() {
    cache.add(tiny, commit, {{"sub/model.safetensors", weights}});
    const auto at = cache.layout(tiny);
    git = test::content_of(config, hubcache::digest_algorithm::git_sha1).name;
    home.write("hub/" + tiny.folder() + "/blobs/" + git.hex(), config);
    fs::create_symlink(hubcache::hub_layout::entry_target("config.json", git),
                       at.snapshot(commit) + "/config.json");
    done.repo = tiny;
    done.commit = commit;
    done.path = at.snapshot(commit);
    done.files.resize(2);
    done.files[0].path = "sub/model.safetensors";
    done.files[0].what = test::content_of(weights);
    done.files[1].path = "config.json";
    done.files[1].what = hubcache::content(git, config.size());
    lock.repos.push_back(lock_of(done, test::hashes, {}));
  }
  [[nodiscard]] hubcache::verification check(bool rehash = false) {
    return verify(plan_verify_lock(lock, cache.path(), rehash), test::hashes, pool, {}, {});
  }
  /// The verdicts of config.json and the weights.
  [[nodiscard]] std::pair<verdict, verdict> verdicts(bool rehash = false) {
    const auto found = check(rehash);
    REQUIRE(found.files.size() == 2);
    return {found.files[0].outcome, found.files[1].outcome};
  }

  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  hubcache::workers pool{2};
  const hubcache::repo tiny{"acme/tiny"};
  const std::string commit = test::commit_of('1');
  hubcache::digest git;
  hubcache::snapshot done;
  hubcache::lock_file lock;
};

using both = std::pair<verdict, verdict>;

}  // namespace

TEST_CASE("A lock has the sha256 of every file, of those named by git that of their content") {
  scene s;
  s.lock = parse_lock_file(format_lock_file(s.lock));
  REQUIRE(s.lock.repos.size() == 1);
  CHECK(s.lock.repos[0].find("config.json")->sha256 == test::content_of(config).name);
  CHECK(s.lock.repos[0].find("sub/model.safetensors")->sha256 == test::content_of(weights).name);
}

TEST_CASE("A file that is not what its git sha1 says is not locked") {
  scene s;
  std::ofstream(s.cache.layout(s.tiny).blob(s.git)) << "{\"a\": 2}";
  try {
    static_cast<void>(lock_of(s.done, test::hashes, {}));
    FAIL("it was locked");
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::digest_mismatch);
  }
}

TEST_CASE("A snapshot without files is not locked") {
  scene s;
  s.done.files.clear();
  CHECK_THROWS_AS(static_cast<void>(lock_of(s.done, test::hashes, {})), hubcache::error);
}

TEST_CASE("What is here as locked is ok; only what no name vouches for is hashed") {
  scene s;
  s.lock = parse_lock_file(format_lock_file(s.lock));
  CHECK(s.verdicts() == both{verdict::ok, verdict::ok});
  CHECK(s.check().bytes == config.size());
  CHECK(s.check(true).bytes == config.size() + weights.size());
}

TEST_CASE("Missing, shorter and other files are told apart") {
  scene s;
  s.lock = parse_lock_file(format_lock_file(s.lock));
  const auto blob = s.cache.blob(s.tiny, weights);
  std::ofstream(blob) << std::string(weights.size(), 'v');
  CHECK(s.verdicts() == both{verdict::ok, verdict::ok});  // its name says otherwise
  CHECK(s.verdicts(true) == both{verdict::ok, verdict::corrupt});
  std::ofstream(blob) << "short";
  CHECK(s.verdicts() == both{verdict::ok, verdict::wrong_size});
  fs::remove(blob);
  CHECK(s.verdicts() == both{verdict::ok, verdict::missing});
  fs::remove_all(s.cache.layout(s.tiny).repo_dir());
  CHECK(s.verdicts() == both{verdict::missing, verdict::missing});
}

TEST_CASE("A link to a blob of another name is other content, without a look at it") {
  scene s;
  s.lock.repos[0].files[0].sha256 = {};
  const auto found = s.check();
  CHECK(found.files[0].outcome == verdict::corrupt);
  CHECK(found.files[0].found == test::content_of(weights).name);
  CHECK(found.bytes == config.size());
}

TEST_CASE("Git's own name does not vouch for a sha256") {
  scene s;
  std::ofstream(s.cache.layout(s.tiny).blob(s.git)) << "{\"a\": 2}";
  s.lock = parse_lock_file(format_lock_file(s.lock));
  CHECK(s.verdicts() == both{verdict::corrupt, verdict::ok});
}

TEST_CASE("A lock file is written and read back; one that is missing or malformed is named") {
  scene s;
  const auto path = s.home / "x.lock";
  write_lock_file(path, s.lock);
  CHECK(hubcache::read_lock_file(path) == parse_lock_file(format_lock_file(s.lock)));
  s.home.write("x.lock", "{}");
  try {
    static_cast<void>(hubcache::read_lock_file(path));
    FAIL("it was read");
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    CHECK(e.context().file == path);
  }
  CHECK_THROWS_AS(static_cast<void>(hubcache::read_lock_file(s.home / "none")), hubcache::error);
}
