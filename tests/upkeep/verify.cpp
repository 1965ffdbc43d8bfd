#include <hubcache/index/memory_index.hpp>
#include <hubcache/store/local_layout.hpp>
#include <hubcache/upkeep/verify.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <support/hub_cache.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <support/unprivileged.hpp>

using hubcache::verdict;
using hubcache::verify_scope;
namespace fs = std::filesystem;

namespace {

void overwrite(const std::string& path, const std::string& bytes) {
  fs::permissions(path, fs::perms::owner_all);
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The same size, other bytes: as a disk damages a file.
void damage(const std::string& path) {
  auto bytes = test::read_file(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  overwrite(path, bytes);
}

hubcache::file_entry lfs_entry(const std::string& path, const std::string& bytes) {
  hubcache::file_entry entry;
  entry.path = path;
  entry.size = bytes.size();
  entry.blob_id = std::string(40, 'a');
  entry.lfs = true;
  entry.sha256 = test::content_of(bytes).name;
  return entry;
}

struct scene {
  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  hubcache::workers pool{2};
  const hubcache::repo tiny{"acme/tiny"};
  const std::string commit = test::commit_of('1');
  const std::string config = "{\"a\": 1}";
  const std::string weights = test::patterned(200'000);

  scene() { cache.add(tiny, commit, {{"config.json", config}, {"sub/model.bin", weights}}); }

  [[nodiscard]] hubcache::census look() { return hubcache::take_census(cache.path(), pool); }
  /// What everything in the cache is to be checked against.
  [[nodiscard]] hubcache::verification plan() {
    const auto seen = look();
    std::vector<verify_scope> all;
    for (std::size_t i = 0; i < seen.repos.size(); ++i) all.emplace_back(i);
    return plan_verify(seen, all, {});
  }
  [[nodiscard]] hubcache::verification run(hubcache::verification planned) {
    return verify(std::move(planned), test::hashes, pool, {}, {});
  }
  [[nodiscard]] hubcache::verification run() { return run(plan()); }

  void write_listing(const std::vector<hubcache::file_entry>& files) const {
    hubcache::listing listed;
    listed.commit = commit;
    listed.files = files;
    std::error_code ec;
    write_tree(cache.layout(tiny).tree(commit), listed, ec);
    REQUIRE(!ec);
  }
  [[nodiscard]] std::string entry(const std::string& path) const {
    return cache.layout(tiny).snapshot(commit) + "/" + path;
  }
};

std::size_t count(const hubcache::verification& done, verdict outcome) {
  return done.counts()[static_cast<std::size_t>(outcome)];
}

/// The one file with this outcome.
const hubcache::checked_file& only(const hubcache::verification& done, verdict outcome) {
  REQUIRE(count(done, outcome) == 1);
  return *std::find_if(done.files.begin(), done.files.end(),
                       [outcome](const auto& file) { return file.outcome == outcome; });
}

}  // namespace

TEST_CASE("blobs that hold what their names say are ok, and the whole is complete") {
  scene s;
  const auto done = s.run();
  CHECK(done.complete);
  CHECK(count(done, verdict::ok) == done.files.size());
  CHECK(done.files.size() == 2);
  CHECK(done.bytes == s.config.size() + s.weights.size());
}

TEST_CASE("a damaged blob is corrupt, and the finding says what it holds and which file it is") {
  scene s;
  const auto blob = s.cache.blob(s.tiny, s.weights);
  damage(blob);
  const auto done = s.run();
  const auto& bad = only(done, verdict::corrupt);
  CHECK(bad.path == blob);
  CHECK(bad.file == "sub/model.bin");
  CHECK(bad.repo == "model/acme/tiny");
  CHECK(bad.expected == test::content_of(s.weights).name);
  CHECK(bad.found == test::content_of(test::read_file(blob)).name);
  CHECK(is_failure(bad.outcome));
}

TEST_CASE("blobs named by git's sha1 are checked, and other names cannot be") {
  scene s;
  const auto name = test::content_of("hello", hubcache::digest_algorithm::git_sha1).name;
  s.home.write("hub/models--acme--tiny/blobs/" + name.hex(), "hello");
  s.home.write("hub/models--acme--tiny/blobs/some-etag", "hello");
  const auto done = s.run();
  CHECK(count(done, verdict::ok) == 3);
  CHECK(only(done, verdict::uncheckable).path.ends_with("/some-etag"));
}

TEST_CASE("an etag that is no digest is checked against the listing") {
  scene s;
  s.home.write("hub/models--acme--tiny/blobs/some-etag", "hello");
  fs::create_symlink("../../blobs/some-etag", s.entry("greeting"));
  s.write_listing({lfs_entry("greeting", "hello")});
  CHECK(count(s.run(), verdict::uncheckable) == 0);
  s.write_listing({lfs_entry("greeting", "HELLO")});
  CHECK(only(s.run(), verdict::corrupt).file == "greeting");
}

TEST_CASE("an entry that leads nowhere is missing, with its commit") {
  scene s;
  fs::remove(s.cache.blob(s.tiny, s.config));
  const auto done = s.run();
  const auto& gone = only(done, verdict::missing);
  CHECK(gone.path == s.entry("config.json"));
  CHECK(gone.commit == s.commit);
}

TEST_CASE("a truncated blob is corrupt") {
  scene s;
  s.write_listing({lfs_entry("sub/model.bin", s.weights)});
  overwrite(s.cache.blob(s.tiny, s.weights), "short");
  CHECK(only(s.run(), verdict::corrupt).path == s.cache.blob(s.tiny, s.weights));
}

TEST_CASE("a listing that is wrong about a size does not condemn a blob whose bytes are right") {
  scene s;
  auto wrong = lfs_entry("sub/model.bin", s.weights);
  wrong.size = 135;
  s.write_listing({wrong});
  const auto done = s.run();
  CHECK(count(done, verdict::wrong_size) == 0);
  CHECK(count(done, verdict::ok) == 2);
}

TEST_CASE("an entry that leads to another blob than the listed one is corrupt, its blob is not") {
  scene s;
  const std::string listed = "{\"a\": 2}";
  s.write_listing({lfs_entry("config.json", listed)});
  const auto done = s.run();
  const auto& bad = only(done, verdict::corrupt);
  CHECK(bad.path == s.entry("config.json"));
  CHECK(bad.commit == s.commit);
  CHECK(count(done, verdict::ok) == 2);
}

TEST_CASE("a plain file among symlinks is an edit, in a cache without symlinks it is corrupt") {
  scene s;
  s.write_listing({lfs_entry("config.json", s.config), lfs_entry("sub/model.bin", s.weights)});
  fs::remove(s.entry("config.json"));
  overwrite(s.home.write("hub/models--acme--tiny/snapshots/" + s.commit + "/config.json", s.config),
            "{\"a\": 9}");
  CHECK(only(s.run(), verdict::edited).file == "config.json");
  overwrite(s.entry("config.json"), "of another size");
  CHECK(only(s.run(), verdict::edited).file == "config.json");

  fs::remove(s.entry("sub/model.bin"));
  fs::remove_all(s.cache.layout(s.tiny).blobs_dir());
  overwrite(s.home.write("hub/models--acme--tiny/snapshots/" + s.commit + "/config.json", s.config),
            "{\"a\": 9}");
  CHECK(only(s.run(), verdict::corrupt).file == "config.json");
}

TEST_CASE(
    "what the listing has and the snapshot has not is absent, the other way round extra; neither fails") {
  scene s;
  s.write_listing({lfs_entry("config.json", s.config), lfs_entry("never-fetched", "x")});
  const auto done = s.run();
  CHECK(only(done, verdict::absent).file == "never-fetched");
  CHECK(only(done, verdict::extra).file == "sub/model.bin");
  CHECK(std::none_of(done.files.begin(), done.files.end(),
                     [](const auto& f) { return is_failure(f.outcome); }));
}

TEST_CASE("the Hub's listing takes the place of the recorded one; what it hides is not compared") {
  scene s;
  s.write_listing({lfs_entry("config.json", "recorded wrongly")});
  verify_scope scope(0);
  scope.commit = s.commit;
  auto& listed = scope.listed[s.commit];
  listed.files = {lfs_entry("config.json", s.config)};
  auto masked = lfs_entry("sub/model.bin", "other");
  masked.sha256.reset();
  masked.masked = true;
  listed.files.push_back(masked);
  const auto done = s.run(plan_verify(s.look(), std::span(&scope, 1), {}));
  CHECK(done.files.size() == 2);
  CHECK(count(done, verdict::ok) == 2);
}

TEST_CASE("one snapshot alone is checked with the blobs it names, and no others") {
  scene s;
  s.cache.add(s.tiny, test::commit_of('2'), {{"config.json", "newer"}});
  damage(s.cache.blob(s.tiny, s.weights));
  verify_scope scope(0);
  scope.commit = test::commit_of('2');
  const auto done = s.run(plan_verify(s.look(), std::span(&scope, 1), {}));
  CHECK(done.files.size() == 1);
  CHECK(count(done, verdict::ok) == 1);
}

TEST_CASE("hard links are hashed once, and names in repos that were not asked for are checked along") {
  scene s;
  const hubcache::repo twin("other/twin");
  s.cache.add(twin, s.commit, {{"w", s.weights}});
  const auto blob = s.cache.blob(s.tiny, s.weights);
  fs::remove(s.cache.blob(twin, s.weights));
  fs::create_hard_link(blob, s.cache.blob(twin, s.weights));
  damage(blob);

  const verify_scope scope(0);
  const auto planned = plan_verify(s.look(), std::span(&scope, 1), {});
  const test::counting_hashes counting;
  const auto done = verify(planned, counting, s.pool, {}, {});
  CHECK(counting.begun() == 2);
  CHECK(count(done, verdict::corrupt) == 2);
  CHECK(done.bytes == s.config.size() + s.weights.size());
}

TEST_CASE("an inode with a sha256 and a git name is read once for both") {
  scene s;
  const auto git = test::content_of(s.weights, hubcache::digest_algorithm::git_sha1).name;
  const auto blobs = s.cache.layout(s.tiny).blobs_dir();
  fs::create_hard_link(s.cache.blob(s.tiny, s.weights), blobs + "/" + git.hex());
  CHECK(count(s.run(), verdict::ok) == 3);
  damage(blobs + "/" + git.hex());
  CHECK(count(s.run(), verdict::corrupt) == 2);
}

TEST_CASE("what is removed between plan and check with all that named it is not lost") {
  scene s;
  const auto planned = s.plan();
  fs::remove_all(s.cache.path() + "/" + s.tiny.folder());
  const auto done = s.run(planned);
  CHECK(count(done, verdict::missing) == 0);
  CHECK(count(done, verdict::absent) == done.files.size());
}

TEST_CASE("a file that is replaced between plan and check is not taken for the old one") {
  scene s;
  const auto planned = s.plan();
  fs::remove(s.cache.blob(s.tiny, s.weights));
  const auto done = s.run(planned);
  CHECK(only(done, verdict::missing).path == s.cache.blob(s.tiny, s.weights));
}

TEST_CASE("a file that does not hold still is reported as changed, after a second try") {
  scene s;
  const auto blob = s.cache.blob(s.tiny, s.weights);
  /// Writes to the file behind every hash of it.
  class meddling {
   public:
    explicit meddling(std::string path, int times) : path_(std::move(path)), left_(times) {}
    [[nodiscard]] hubcache::any_hasher make(hubcache::digest_algorithm algorithm, std::uint64_t size) const {
      if (size > 1000 && left_-- > 0) std::ofstream(path_, std::ios::app) << "more";
      return test::hashes.make(algorithm, size);
    }

   private:
    std::string path_;
    mutable std::atomic<int> left_;
  };
  fs::permissions(blob, fs::perms::owner_all);
  CHECK(only(verify(s.plan(), meddling(blob, 9), s.pool, {}, {}), verdict::changed).path == blob);
  fs::resize_file(blob, s.weights.size());
  CHECK(count(verify(s.plan(), meddling(blob, 1), s.pool, {}, {}), verdict::changed) == 0);
}

TEST_CASE("progress tells of all bytes, and never of more") {
  scene s;
  std::uint64_t last = 0;
  hubcache::verify_options options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    CHECK(done <= total);
    CHECK(total == s.config.size() + s.weights.size());
    last = std::max(last, done);
  };
  static_cast<void>(verify(s.plan(), test::hashes, s.pool, options, {}));
  CHECK(last > 0);
}

TEST_CASE("an interrupted run goes on where it stopped, and rehashes what changed since") {
  scene s;
  const std::string other = test::patterned(300'000);
  s.cache.add(s.tiny, s.commit, {{"other.bin", other}});
  hubcache::workers alone{1};
  hubcache::verify_options options;
  options.checkpoint = s.home / "state/verify/cache";

  // Stops at the second of three files: the largest is done by then, as without lanes they go one after another.
  std::stop_source stop;
  static constexpr hubcache::hash_set<hubcache::openssl_sha256, hubcache::openssl_sha1> no_lanes;
  class stopping {
   public:
    explicit stopping(std::stop_source& stop) : stop_(stop) {}
    [[nodiscard]] hubcache::any_hasher make(hubcache::digest_algorithm algorithm, std::uint64_t size) const {
      if (size == 200'000) stop_.request_stop();
      return no_lanes.make(algorithm, size);
    }

   private:
    std::stop_source& stop_;
  };
  const auto first = verify(s.plan(), stopping(stop), alone, options, stop.get_token());
  CHECK(!first.complete);
  CHECK(count(first, verdict::ok) == 1);
  CHECK(count(first, verdict::pending) == 2);
  CHECK(fs::exists(options.checkpoint));

  SUBCASE("only the rest is read") {
    const test::counting_hashes counting;
    const auto second = verify(s.plan(), counting, alone, options, {});
    CHECK(second.complete);
    CHECK(counting.begun() == 2);
    CHECK(second.resumed == other.size());
    CHECK(count(second, verdict::ok) == 3);
    CHECK(!fs::exists(options.checkpoint));
  }
  SUBCASE("a file that changed is read again") {
    damage(s.cache.blob(s.tiny, other));
    const auto second = verify(s.plan(), test::hashes, alone, options, {});
    CHECK(only(second, verdict::corrupt).file == "other.bin");
  }
  SUBCASE("a checkpoint that is cut off or full of rubbish is no harm") {
    overwrite(options.checkpoint, test::read_file(options.checkpoint).substr(0, 20) + "\n\n1 2 3\nabc");
    const test::counting_hashes counting;
    CHECK(verify(s.plan(), counting, alone, options, {}).complete);
    CHECK(counting.begun() == 3);
  }
  SUBCASE("one that is older than a week is not believed") {
    fs::last_write_time(options.checkpoint, fs::file_time_type::clock::now() - std::chrono::hours(8 * 24));
    CHECK(verify(s.plan(), test::hashes, alone, options, {}).resumed == 0);
  }
}

TEST_CASE("the index learns what is verified, and forgets every name of a corrupt inode") {
  scene s;
  const auto blob = s.cache.blob(s.tiny, s.weights);
  const auto name = test::content_of(s.weights).name;
  fs::create_hard_link(blob, s.home / "elsewhere");
  hubcache::memory_index index;
  remember(s.run(), index);
  const auto places = index.find(name);
  REQUIRE(places.size() == 1);
  CHECK(places.front().path == blob);
  CHECK(places.front().state == hubcache::trust::verified);

  auto known = places.front();
  known.path = s.home / "elsewhere";
  const std::vector records{hubcache::index_record(name, known)};
  index.insert(records);
  damage(blob);
  const auto done = s.run();
  remember(done, index);
  CHECK(index.find(name).empty());
  CHECK(index.find(test::content_of(s.config).name).size() == 1);
}

TEST_CASE("a verified record with more in it is not replaced") {
  scene s;
  hubcache::memory_index index;
  remember(s.run(), index);
  const auto name = test::content_of(s.weights).name;
  auto known = index.find(name).front();
  known.fingerprint = 42;
  const std::vector records{hubcache::index_record(name, known)};
  index.insert(records);
  remember(s.run(), index);
  CHECK(index.find(name).front().fingerprint == 42);
}

TEST_CASE("a local folder is checked against its records: damage is corrupt, a later change an edit") {
  test::temp_folder home;
  const std::string folder = home / "local";
  const hubcache::local_layout layout(folder);
  const auto put = [&](const std::string& path, const std::string& bytes) {
    home.write("local/" + path, bytes);
    hubcache::local_metadata data;
    data.commit = test::commit_of('1');
    data.etag = test::content_of(bytes).name.hex();
    std::error_code ec;
    write_metadata(layout, path, data, ec);
  };
  put("good", "good");
  put("sub/bad", "as it was");
  put("edited", "before");
  put("deleted", "x");
  home.write("local/own", "the user's");
  const auto then = fs::last_write_time(folder + "/sub/bad");
  overwrite(folder + "/sub/bad", "as it is!");
  fs::last_write_time(folder + "/sub/bad", then);
  overwrite(folder + "/edited", "after");
  fs::last_write_time(folder + "/edited", fs::file_time_type::clock::now() + std::chrono::minutes(1));
  fs::remove(folder + "/deleted");

  hubcache::workers pool(1);
  const auto done = verify(hubcache::plan_verify_local(folder, std::nullopt), test::hashes, pool, {}, {});
  CHECK(only(done, verdict::ok).file == "good");
  CHECK(only(done, verdict::corrupt).file == "sub/bad");
  CHECK(only(done, verdict::edited).file == "edited");
  CHECK(only(done, verdict::absent).file == "deleted");
  CHECK(only(done, verdict::uncheckable).file == "own");
}

TEST_CASE("a local folder is checked against a listing, its records notwithstanding") {
  test::temp_folder home;
  home.write("local/good", "good");
  home.write("local/bad", "good");
  home.write("local/short", "goo");
  home.write("local/own", "the user's");
  hubcache::listing listed;
  listed.files = {lfs_entry("absent", "x"), lfs_entry("bad", "evil"), lfs_entry("good", "good"),
                  lfs_entry("short", "good")};
  hubcache::workers pool(1);
  const auto done = verify(hubcache::plan_verify_local(home / "local", listed), test::hashes, pool, {}, {});
  CHECK(only(done, verdict::ok).file == "good");
  CHECK(only(done, verdict::corrupt).file == "bad");
  CHECK(only(done, verdict::wrong_size).file == "short");
  CHECK(only(done, verdict::absent).file == "absent");
  CHECK(only(done, verdict::extra).file == "own");
}

TEST_CASE("in a local folder what cannot be read is told, and the rest is checked") {
  test::temp_folder home;
  fs::permissions(home.path(), fs::perms::all);
  home.write("local/good", "good");
  home.write("local/closed/file", "x");
  home.write("local/.cache/huggingface/download/sub/record.metadata", "");
  fs::permissions(home / "local/closed", fs::perms::none);
  fs::permissions(home / "local/.cache/huggingface/download/sub", fs::perms::none);
  const auto planned = [&] {
    const test::unprivileged nobody;
    return hubcache::plan_verify_local(home / "local", std::nullopt);
  }();
  fs::permissions(home / "local/closed", fs::perms::all);
  fs::permissions(home / "local/.cache/huggingface/download/sub", fs::perms::all);
  CHECK(count(planned, verdict::unreadable) == 2);
  CHECK(count(planned, verdict::uncheckable) == 1);
}

TEST_CASE("a symlinked file of a local folder is checked against a listing, through the link") {
  test::temp_folder home;
  home.write("elsewhere", "evil");
  home.write("local/good", "good");
  fs::create_symlink("../elsewhere", home / "local/moved");
  hubcache::listing listed;
  listed.files = {lfs_entry("good", "good"), lfs_entry("moved", "good")};
  hubcache::workers pool(1);
  const auto done = verify(hubcache::plan_verify_local(home / "local", listed), test::hashes, pool, {}, {});
  CHECK(only(done, verdict::corrupt).file == "moved");
  CHECK(count(hubcache::plan_verify_local(home / "local", std::nullopt), verdict::absent) == 0);
}
