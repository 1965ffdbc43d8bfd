#include <hubcache/index/memory_index.hpp>
#include <hubcache/link/reflink.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <support/child_process.hpp>
#include <support/hub_cache.hpp>
#include <support/mounted.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using hubcache::carry_out;
using hubcache::census;
using hubcache::removal_choice;
using hubcache::removal_report;
using hubcache::repo;
using test::commit_of;

namespace {

const std::string big(300'000, 'b');
const std::string small = "small";

/// A cache and the state folder beside it.
struct setting {
  explicit setting(const std::string& root) : home(root), hub(root + "/hub") {}

  [[nodiscard]] census look() { return hubcache::take_census(hub.path(), pool); }
  [[nodiscard]] hubcache::removal plan(const census& seen, const removal_choice& chosen) {
    return plan_removal(seen, map_disk(seen, pool), chosen);
  }
  removal_report remove(const census& seen, const removal_choice& chosen) {
    return carry_out(plan(seen, chosen), home + "/state", index);
  }
  /// Chooses by repo label and commit; all of the repo if `commit` is empty.
  static void choose(removal_choice& chosen, const census& seen, const std::string& label,
                     const std::string& commit = {}) {
    for (std::size_t r = 0; r < seen.repos.size(); ++r) {
      if (seen.repos[r].label() != label) continue;
      if (commit.empty()) chosen.repos[r] = true;
      for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
        if (seen.repos[r].revisions[v].commit == commit) chosen.revisions[r][v] = true;
      }
    }
  }
  removal_report remove(const std::string& label, const std::string& commit = {}) {
    const auto seen = look();
    removal_choice chosen(seen);
    choose(chosen, seen, label, commit);
    return remove(seen, chosen);
  }
  /// What scans of this cache would complain of.
  [[nodiscard]] std::vector<std::string> complaints() {
    std::vector<std::string> result;
    for (const auto& problem : look().problems) result.push_back(problem.path + " " + problem.text);
    return result;
  }
  [[nodiscard]] std::string entry(const repo& which, char commit, const std::string& path) const {
    return hub.layout(which).snapshot(commit_of(commit)) + "/" + path;
  }

  std::string home;
  test::hub_cache hub;
  hubcache::memory_index index;
  hubcache::workers pool{2};
};

struct with_home {
  test::temp_folder folder;
};
/// On the test machine's own file system.
struct local_setting : with_home, setting {
  local_setting() : setting(folder.path().string()) {}
};

ino_t inode_of(const std::string& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 ? s.st_ino : 0;
}

const repo llm("acme/llm");
const repo copy("bob/copy");
const repo third("eve/third");

}  // namespace

TEST_CASE("a revision takes the blobs and refs along that no other revision needs") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"old.bin", big}, {"sub/config.json", small}}, "v1");
  s.hub.add(llm, commit_of('b'), {{"new.bin", big + "!"}, {"config.json", small}}, "main");
  s.folder.write("hub/models--acme--llm/refs/refs/pr/1", commit_of('a'));
  s.folder.write("hub/models--acme--llm/refs/v1.0a1b2c3d.tmp", commit_of('a'));
  s.folder.write("hub/models--acme--llm/trees/" + commit_of('a') + ".json", "{}");
  s.folder.write("hub/models--acme--llm/.no_exist/" + commit_of('a') + "/sub/x", "");

  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm", commit_of('a'));
  const auto plan = s.plan(seen, chosen);
  REQUIRE(plan.repos.size() == 1);
  CHECK_FALSE(plan.repos[0].whole);
  CHECK(plan.repos[0].blobs == std::vector<std::string>{test::content_of(big).name.hex()});
  CHECK(plan.repos[0].revisions[0].refs == std::vector<std::string>{"refs/pr/1", "v1"});
  CHECK(plan.apparent == big.size());
  CHECK(plan.freed >= big.size());

  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK(done.complete());
  CHECK(done.revisions == 1);
  CHECK(done.blobs == 1);
  CHECK(done.repos == 0);
  const auto root = s.hub.layout(llm).repo_dir();
  CHECK_FALSE(fs::exists(root + "/snapshots/" + commit_of('a')));
  CHECK_FALSE(fs::exists(s.hub.blob(llm, big)));
  CHECK(test::read_file(s.entry(llm, 'b', "config.json")) == small);
  CHECK(test::read_file(s.entry(llm, 'b', "new.bin")) == big + "!");
  CHECK_FALSE(fs::exists(root + "/refs/v1"));
  CHECK_FALSE(fs::exists(root + "/refs/refs"));
  CHECK_FALSE(fs::exists(root + "/refs/v1.0a1b2c3d.tmp"));
  CHECK(fs::exists(root + "/refs/main"));
  CHECK_FALSE(fs::exists(root + "/trees"));
  CHECK_FALSE(fs::exists(root + "/.no_exist"));
  CHECK(s.complaints().empty());
}

TEST_CASE("a repo goes whole with its folder, whatever else is in there; its locks stay") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.hub.add(copy, commit_of('c'), {{"y.bin", small}});
  s.folder.write("hub/models--acme--llm/refs/gone", commit_of('9'));
  s.folder.write("hub/models--acme--llm/blobs/" + std::string(64, '7') + ".68756263.incomplete", "part");
  s.folder.write("hub/models--acme--llm/.no_exist/" + commit_of('9') + "/x", "");
  s.folder.write("hub/models--acme--llm/stray/file", "");
  s.folder.write("hub/.locks/models--acme--llm/" + std::string(64, '7') + ".lock", "");
  const auto done = s.remove("model/acme/llm");
  CHECK(done.complete());
  CHECK(done.repos == 1);
  CHECK(done.partials == 1);
  CHECK_FALSE(fs::exists(s.hub.layout(llm).repo_dir()));
  CHECK(fs::exists(s.hub.path() + "/.locks/models--acme--llm/" + std::string(64, '7') + ".lock"));
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == small);
  CHECK(s.complaints().empty());
}

TEST_CASE("the last revision takes its repo along when nothing else is in it") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}}, "");
  const auto done = s.remove("model/acme/llm", commit_of('a'));
  CHECK(done.repos == 1);
  CHECK_FALSE(fs::exists(s.hub.layout(llm).repo_dir()));
}

TEST_CASE("a repo with leftovers stays without a revision, and scans find nothing wrong with it") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.folder.write("hub/models--acme--llm/blobs/" + std::string(64, '7') + ".68756263.incomplete", "part");
  const auto done = s.remove("model/acme/llm", commit_of('a'));
  CHECK(done.repos == 0);
  CHECK(done.revisions == 1);
  CHECK(fs::exists(s.hub.layout(llm).snapshots_dir()));
  CHECK(s.complaints().empty());
}

TEST_CASE("a hard link in another repo keeps its bytes, and the estimate knows") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"own.bin", big + "own"}});
  s.hub.add(copy, commit_of('c'), {{"config.json", small}});
  fs::create_hard_link(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});

  const auto seen = s.look();
  const auto map = map_disk(seen, s.pool);
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto one = plan_removal(seen, map, chosen);
  CHECK(one.apparent == 2 * big.size() + 3);
  CHECK(one.freed >= big.size());
  CHECK(one.freed < 2 * big.size());
  s.choose(chosen, seen, "model/bob/copy");
  CHECK(plan_removal(seen, map, chosen).freed >= 2 * big.size());

  CHECK(carry_out(one, s.home + "/state", s.index).complete());
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == big);
}

TEST_CASE("what the index knows of an inode's other names stays right") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  fs::create_directories(s.hub.layout(copy).blobs_dir());
  fs::create_hard_link(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  const auto name = test::content_of(big).name;
  std::error_code ec;
  std::vector<hubcache::index_record> records;
  for (const auto& path : {s.hub.blob(llm, big), s.hub.blob(copy, big)}) {
    hubcache::place place;
    place.path = path;
    place.identity = hubcache::os::status(path, ec).identity;
    place.state = hubcache::trust::verified;
    records.emplace_back(name, place);
  }
  s.index.insert(records);
  CHECK(s.remove("model/acme/llm").complete());
  const auto places = s.index.find(name);
  REQUIRE(places.size() == 1);
  CHECK(places[0].path == s.hub.blob(copy, big));
  CHECK(places[0].state == hubcache::trust::verified);
  CHECK(places[0].identity == hubcache::os::status(places[0].path, ec).identity);
}

TEST_CASE("a blob that other repos' blobs are symlinks to is handed to them") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"config.json", small}});
  for (const auto& which : {copy, third}) fs::create_directories(s.hub.layout(which).blobs_dir());
  const auto relative = "../../models--acme--llm/blobs/" + test::content_of(big).name.hex();
  fs::create_symlink(relative, s.hub.blob(copy, big));
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(third, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  s.hub.add(third, commit_of('d'), {{"z.bin", big}});
  const auto inode = inode_of(s.hub.blob(llm, big));

  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  CHECK(plan.freed < big.size());
  CHECK(plan.notes.size() == 1);

  CHECK(carry_out(plan, s.home + "/state", s.index).complete());
  CHECK_FALSE(fs::exists(s.hub.layout(llm).repo_dir()));
  for (const auto& which : {copy, third}) {
    CHECK(fs::is_regular_file(fs::symlink_status(s.hub.blob(which, big))));
    CHECK(inode_of(s.hub.blob(which, big)) == inode);
  }
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == big);
  CHECK(test::read_file(s.entry(third, 'd', "z.bin")) == big);
  CHECK(s.complaints().empty());
}

TEST_CASE("removing the repo whose blob is the symlink leaves the neighbour's bytes") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  fs::create_directories(s.hub.layout(copy).blobs_dir());
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/bob/copy");
  const auto plan = s.plan(seen, chosen);
  CHECK(plan.freed == 0);
  CHECK(carry_out(plan, s.home + "/state", s.index).complete());
  CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  CHECK(s.complaints().empty());
}

TEST_CASE("both repos removed together free what the symlink shared") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  fs::create_directories(s.hub.layout(copy).blobs_dir());
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/bob/copy");
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  CHECK(plan.freed >= big.size());
  CHECK(carry_out(plan, s.home + "/state", s.index).repos == 2);
  CHECK(s.look().repos.empty());
}

TEST_CASE("an entry of another repo that is a symlink to the blob becomes a file") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.hub.add(copy, commit_of('c'), {{"config.json", small}, {"sub/other.json", small + "!"}});
  fs::create_symlink(s.hub.blob(llm, big), s.entry(copy, 'c', "sub/y.bin"));
  CHECK(s.remove("model/acme/llm").complete());
  CHECK(test::read_file(s.entry(copy, 'c', "sub/y.bin")) == big);
  CHECK(s.complaints().empty());
}

TEST_CASE("a link into another store is removed, never what it leads to") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"config.json", small}});
  const auto payload = s.folder.write("hub/blobs/ab/" + std::string(64, 'e'), big);
  s.folder.write("hub/blobs/.huggingface-shared-blobs", "1\n");
  s.folder.write("hub/blobs/ab/" + std::string(64, 'e') + ".refs", "models--acme--llm/blobs/x\n");
  fs::create_symlink("../../blobs/ab/" + std::string(64, 'e'), s.hub.blob(llm, big));
  const auto outside = s.folder.write("elsewhere/model.bin", big + "2");
  fs::create_symlink(outside, s.hub.blob(llm, big + "2"));
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"y.bin", big + "2"}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  CHECK(plan.freed < big.size());
  CHECK(plan.apparent == 2 * big.size() + 1 + small.size());
  CHECK(plan.notes.size() == 1);
  CHECK(carry_out(plan, s.home + "/state", s.index).complete());
  CHECK(test::read_file(payload) == big);
  CHECK(fs::exists(payload + ".refs"));
  CHECK(test::read_file(outside) == big + "2");
  CHECK(s.complaints().empty());
}

TEST_CASE("a repo that another process works on is left alone") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.hub.add(copy, commit_of('c'), {{"y.bin", small}});
  const auto state = s.home + "/state";
  const auto cache = s.hub.path();
  test::child_process other([&](const test::child_process::signal& say) {
    std::error_code ec;
    const auto lease =
        hubcache::ledger(state).try_lease(cache, "models--acme--llm", hubcache::os::lock_mode::shared, ec);
    say(lease ? 'y' : 'n');
  });
  REQUIRE(other.next_signal() == 'y');
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  s.choose(chosen, seen, "model/bob/copy");
  const auto done = s.remove(seen, chosen);
  CHECK(done.kept.size() == 1);
  CHECK(done.repos == 1);
  CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  CHECK_FALSE(fs::exists(s.hub.layout(copy).repo_dir()));
  other.kill();
  CHECK(s.remove("model/acme/llm").repos == 1);
}

TEST_CASE("a blob whose content moves now stays, and the repo with it") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"config.json", small}});
  const auto lock = s.hub.layout(llm).lock(test::content_of(big).name);
  SUBCASE("by the Hub's lock, as huggingface_hub takes it") {
    fs::create_directories(fs::path(lock).parent_path());
    test::child_process other([&](const test::child_process::signal& say) {
      std::error_code ec;
      const auto held = hubcache::os::file_lock::try_lock(lock, hubcache::os::lock_mode::exclusive, ec);
      say(held ? 'y' : 'n');
    });
    REQUIRE(other.next_signal() == 'y');
    const auto done = s.remove("model/acme/llm");
    CHECK(done.kept.size() == 1);
    CHECK(done.repos == 0);
    CHECK(fs::exists(s.hub.blob(llm, big)));
    CHECK_FALSE(fs::exists(s.hub.blob(llm, small)));
    CHECK(s.complaints().empty());
  }
  SUBCASE("by hubcache's own lock, for another repo") {
    const auto state = s.home + "/state";
    test::child_process other([&](const test::child_process::signal& say) {
      std::error_code ec;
      const auto held = hubcache::content_lock::try_lock(state, test::content_of(big).name, "", ec);
      say(held ? 'y' : 'n');
    });
    REQUIRE(other.next_signal() == 'y');
    CHECK(s.remove("model/acme/llm").kept.size() == 1);
    CHECK(fs::exists(s.hub.blob(llm, big)));
  }
}

TEST_CASE("a partial that is being filled stays") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", small}});
  const auto part =
      s.folder.write("hub/models--acme--llm/blobs/" + std::string(64, '7') + ".68756263.incomplete", "part");
  test::child_process other([&](const test::child_process::signal& say) {
    std::error_code ec;
    const auto file = hubcache::os::open_write(part, ec);
    say(hubcache::os::try_lock(file, part, hubcache::os::lock_mode::exclusive, ec) ==
                hubcache::os::lock_outcome::granted
            ? 'y'
            : 'n');
  });
  REQUIRE(other.next_signal() == 'y');
  const auto done = s.remove("model/acme/llm");
  CHECK(done.kept.size() == 1);
  CHECK(done.partials == 0);
  CHECK(fs::exists(part));
  other.kill();
  CHECK(s.remove("model/acme/llm").repos == 1);
}

TEST_CASE("a snapshot that came after the census keeps its blobs, its ref and the repo") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"config.json", small}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  s.hub.add(llm, commit_of('b'), {{"x.bin", big}, {"new.bin", big + "new"}}, "");
  std::ofstream(s.hub.layout(llm).ref("main"), std::ios::trunc) << commit_of('b');
  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK(done.repos == 0);
  CHECK_FALSE(done.complete());
  CHECK(test::read_file(s.entry(llm, 'b', "x.bin")) == big);
  CHECK(test::read_file(s.entry(llm, 'b', "new.bin")) == big + "new");
  CHECK(test::read_file(s.hub.layout(llm).ref("main")) == commit_of('b'));
  CHECK_FALSE(fs::exists(s.hub.blob(llm, small)));
  CHECK(s.complaints().empty());
}

TEST_CASE("symlinks in place of folders are not followed out of the cache") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.folder.write("outside/keep/file", "kept");
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  const auto outside = s.folder / "outside";
  SUBCASE("a snapshot") {
    fs::remove_all(s.hub.layout(llm).snapshot(commit_of('a')));
    fs::create_directory_symlink(outside, s.hub.layout(llm).snapshot(commit_of('a')));
  }
  SUBCASE("blobs") {
    fs::remove_all(s.hub.layout(llm).blobs_dir());
    fs::create_directory_symlink(outside, s.hub.layout(llm).blobs_dir());
  }
  SUBCASE("snapshots") {
    fs::remove_all(s.hub.layout(llm).snapshots_dir());
    fs::create_directory_symlink(outside, s.hub.layout(llm).snapshots_dir());
  }
  SUBCASE("the repo") {
    fs::rename(s.hub.layout(llm).repo_dir(), s.folder / "moved");
    fs::create_directory_symlink(outside, s.hub.layout(llm).repo_dir());
  }
  SUBCASE("a folder in the snapshot") { fs::create_directory_symlink(outside, s.entry(llm, 'a', "sub")); }
  static_cast<void>(carry_out(plan, s.home + "/state", s.index));
  CHECK(test::read_file(s.folder / "outside/keep/file") == "kept");
}

TEST_CASE("of a repo that cannot be read wholly only the whole goes") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}}, "");
  s.hub.add(llm, commit_of('b'), {{"y.bin", small}}, "");
  auto seen = s.look();
  seen.problems.emplace_back(s.hub.layout(llm).snapshot(commit_of('c')), "cannot be read", true);
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm", commit_of('a'));
  const auto plan = s.plan(seen, chosen);
  CHECK(plan.empty());
  CHECK(plan.withheld.size() == 1);
  s.choose(chosen, seen, "model/acme/llm");
  CHECK(s.plan(seen, chosen).whole_repos() == 1);
}

TEST_CASE("a read-only file system is reported file by file, and nothing is half-done") {
  const auto disk = test::mounted::tmpfs("8m");
  if (!disk) return;
  setting s(disk->path());
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"sub/config.json", small}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  REQUIRE(test::runs("mount -o remount,ro " + disk->path()));
  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK_FALSE(done.failures.empty());
  CHECK(done.failures[0].text.find("Read-only file system") != std::string::npos);
  CHECK(done.revisions + done.blobs + done.repos == 0);
  CHECK(test::read_file(s.entry(llm, 'a', "sub/config.json")) == small);
  CHECK(fs::exists(s.hub.layout(llm).ref("main")));
}

TEST_CASE("refs that cannot be read keep the snapshots that they may name; what is no ref does not") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto refs = s.hub.layout(llm).repo_dir() + "/refs";
  SUBCASE("a symlink in place of refs/") {
    fs::rename(refs, s.folder / "refs");
    fs::create_directory_symlink(s.folder / "refs", refs);
    const auto done = s.remove(seen, chosen);
    CHECK(done.failures.size() == 1);
    CHECK(done.revisions + done.repos == 0);
    CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  }
  SUBCASE("a large file") {
    s.folder.write("hub/models--acme--llm/refs/large", std::string(5000, 'a'));
    CHECK(s.remove(seen, chosen).repos == 1);
  }
}

TEST_CASE("a reflink in another repo keeps its bytes; the estimate is what the file system gives back") {
  const auto disk = test::mounted::image("mkfs.btrfs -q", "256M");
  if (!disk) return;
  setting s(disk->path());
  const auto bytes = test::patterned(32u << 20u);
  s.hub.add(llm, commit_of('a'), {{"x.bin", bytes}});
  s.hub.add(llm, commit_of('b'), {{"own.bin", std::string(16u << 20u, 'o')}}, "v2");
  fs::create_directories(s.hub.layout(copy).blobs_dir());
  REQUIRE(test::runs("cp --reflink=always " + s.hub.blob(llm, bytes) + " " + s.hub.blob(copy, bytes)));
  s.hub.add(copy, commit_of('c'), {{"y.bin", bytes}});
  REQUIRE(test::runs("sync -f " + disk->path()));

  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  CHECK(plan.apparent == 48u << 20u);
  CHECK(plan.freed == 16u << 20u);
  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK(done.complete());
  const auto won = static_cast<double>(done.free_after) - static_cast<double>(done.free_before);
  CHECK(won == doctest::Approx(16e6).epsilon(0.25));
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == bytes);
}

TEST_CASE("a stop ends a removal between repos") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  std::stop_source stop;
  stop.request_stop();
  const auto done = carry_out(s.plan(seen, chosen), s.home + "/state", s.index, stop.get_token());
  CHECK(done.repos == 0);
  CHECK(done.stopped);
  CHECK_FALSE(done.complete());
  CHECK(fs::exists(s.entry(llm, 'a', "x.bin")));
}

TEST_CASE("what came into use after the plan stays, and the repo with it") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}, {"sub/config.json", small}}, "v1");
  s.hub.add(llm, commit_of('b'), {{"y.bin", big + "y"}}, "main");
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  auto plan = s.plan(seen, chosen);
  CHECK(plan.planned_ns > 0);
  const hubcache::ledger book(s.home + "/state");
  std::error_code ec;
  SUBCASE("pinned by commit") { book.add_pin({s.hub.path(), "model/acme/llm", commit_of('a')}, ec); }
  SUBCASE("pinned by ref") { book.add_pin({s.hub.path(), "model/acme/llm", "v1"}, ec); }
  SUBCASE("named by another ref") {
    s.folder.write("hub/models--acme--llm/refs/refs/pr/2", commit_of('a') + "\n");
  }
  SUBCASE("used") {
    plan.planned_ns -= 1'000'000'000;  // file times are coarse
    book.note_use(s.hub.path(), "models--acme--llm", commit_of('a'));
  }
  SUBCASE("edited") {
    fs::remove(s.entry(llm, 'a', "sub/config.json"));
    s.folder.write("hub/models--acme--llm/snapshots/" + commit_of('a') + "/sub/config.json", "edited");
  }
  REQUIRE(!ec);
  const auto done = carry_out(plan, s.home + "/state", s.index);
  REQUIRE(done.kept.size() == 1);
  CHECK(done.kept[0].starts_with("model/acme/llm@" + commit_of('a') + " stays: "));
  CHECK(done.failures.empty());
  CHECK(done.revisions == 1);
  CHECK(done.removed == std::vector<std::string>{"model/acme/llm@" + commit_of('b')});
  CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  CHECK(fs::exists(s.entry(llm, 'a', "sub/config.json")));
  CHECK(test::read_file(s.hub.layout(llm).ref("v1")) == commit_of('a'));
  CHECK_FALSE(fs::exists(s.hub.blob(llm, big + "y")));
}

TEST_CASE(
    "a pin of a whole repo that came after the plan keeps all of it; other repos' pins and older uses do "
    "not") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.hub.add(copy, commit_of('c'), {{"y.bin", small}});
  const hubcache::ledger book(s.home + "/state");
  book.note_use(s.hub.path(), "models--bob--copy", commit_of('c'));
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  s.choose(chosen, seen, "model/bob/copy");
  auto plan = s.plan(seen, chosen);
  plan.planned_ns += 1'000'000'000;
  std::error_code ec;
  book.add_pin({s.hub.path(), "model/acme/llm", ""}, ec);
  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK(done.kept.size() == 1);
  CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  CHECK(done.removed == std::vector<std::string>{"model/bob/copy"});
}

TEST_CASE("an edited file that the plan knew of goes") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.folder.write("hub/models--acme--llm/snapshots/" + commit_of('a') + "/sub/own.txt", "edited");
  CHECK(s.remove("model/acme/llm").repos == 1);
}

TEST_CASE("a blob is handed to a repo that lies on another disk") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  fs::create_directories(s.hub.layout(copy).blobs_dir());
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}, {"sub/config.json", small}});
  fs::create_symlink(s.hub.blob(llm, big), s.entry(copy, 'c', "sub/z.bin"));
  fs::rename(s.hub.layout(copy).repo_dir(), s.folder / "disk");
  fs::create_directory_symlink(s.folder / "disk", s.hub.layout(copy).repo_dir());
  CHECK(s.remove("model/acme/llm").complete());
  CHECK(fs::is_regular_file(fs::symlink_status(s.hub.blob(copy, big))));
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == big);
  CHECK(test::read_file(s.entry(copy, 'c', "sub/z.bin")) == big);
}

TEST_CASE("nothing goes while another repo cannot be read, which may link to it") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  fs::create_directories(s.hub.layout(copy).blobs_dir());
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  const bool root = ::geteuid() == 0;  // who may read everything
  if (root) REQUIRE(test::runs("chown -R 65534 " + s.home));
  fs::permissions(s.hub.layout(copy).blobs_dir(), fs::perms::none);
  if (root) REQUIRE(::seteuid(65534) == 0);
  const auto done = carry_out(plan, s.home + "/state", s.index);
  if (root) REQUIRE(::seteuid(0) == 0);
  fs::permissions(s.hub.layout(copy).blobs_dir(), fs::perms::all);
  REQUIRE(done.failures.size() == 1);
  CHECK(done.failures[0].path == s.hub.layout(copy).blobs_dir());
  CHECK(done.revisions + done.blobs + done.repos == 0);
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == big);
  CHECK(test::read_file(s.hub.layout(llm).ref("main")) == commit_of('a'));
}

TEST_CASE("of a chain of symlinks any link can go") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  for (const auto& which : {copy, third}) fs::create_directories(s.hub.layout(which).blobs_dir());
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(copy, big));
  fs::create_symlink("../../models--bob--copy/blobs/" + test::content_of(big).name.hex(),
                     s.hub.blob(third, big));
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  s.hub.add(third, commit_of('d'), {{"z.bin", big}});
  const std::vector<std::string> labels{"model/acme/llm", "model/bob/copy", "model/eve/third"};
  std::string first;
  SUBCASE("the end") { first = labels[0]; }
  SUBCASE("the middle") { first = labels[1]; }
  SUBCASE("the beginning") { first = labels[2]; }
  CHECK(s.remove(first).complete());
  CHECK(s.complaints().empty());
  if (first != labels[0]) CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  if (first != labels[1]) CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == big);
  if (first != labels[2]) CHECK(test::read_file(s.entry(third, 'd', "z.bin")) == big);
  for (const auto& label : labels) {
    if (label == first || label == labels[2]) continue;
    CHECK(s.remove(label).complete());
    if (first != labels[2]) CHECK(test::read_file(s.entry(third, 'd', "z.bin")) == big);
  }
}

TEST_CASE("a blob that is a link into another store leaves its users a link to there") {
  local_setting s;
  const auto payload = s.folder.write("elsewhere/model.bin", big);
  for (const auto& which : {llm, copy}) fs::create_directories(s.hub.layout(which).blobs_dir());
  fs::create_symlink(payload, s.hub.blob(llm, big));
  fs::create_symlink(s.hub.blob(llm, big), s.hub.blob(copy, big));
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.hub.add(copy, commit_of('c'), {{"y.bin", big}});
  CHECK(s.remove("model/acme/llm").repos == 1);
  CHECK(fs::read_symlink(s.hub.blob(copy, big)) == fs::canonical(payload));
  CHECK(test::read_file(s.entry(copy, 'c', "y.bin")) == big);
}

TEST_CASE("a blob stays usable by another blob of its own repo that is a symlink to it") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}}, "");
  const auto alias = s.hub.layout(llm).blobs_dir() + "/" + std::string(40, 'e');
  fs::create_symlink(test::content_of(big).name.hex(), alias);
  fs::create_directories(s.hub.layout(llm).snapshot(commit_of('b')));
  fs::create_symlink("../../blobs/" + std::string(40, 'e'), s.entry(llm, 'b', "x.bin"));
  CHECK(s.remove("model/acme/llm", commit_of('a')).blobs == 1);
  CHECK(test::read_file(s.entry(llm, 'b', "x.bin")) == big);
}

TEST_CASE("what a folder behind a symlink uses is not known, so the blobs stay") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}}, "");
  s.hub.add(llm, commit_of('b'), {{"sub/x.bin", small}}, "main");
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm", commit_of('a'));
  const auto plan = s.plan(seen, chosen);
  fs::path moved;
  SUBCASE("a snapshot") { moved = s.hub.layout(llm).snapshot(commit_of('b')); }
  SUBCASE("a folder in a snapshot") { moved = s.entry(llm, 'b', "sub"); }
  fs::rename(moved, s.folder / "moved");
  fs::create_directory_symlink(s.folder / "moved", moved);
  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK(done.failures.size() == 1);
  CHECK(fs::exists(s.hub.blob(llm, big)));

  // Nor does a later plan think otherwise.
  const auto later = s.look();
  removal_choice leftovers(later);
  leftovers.contents[0].assign(leftovers.contents[0].size(), true);
  CHECK(s.plan(later, leftovers).empty());
}

TEST_CASE("a symlink in place of a ref may name any revision") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}}, "");
  s.hub.add(llm, commit_of('b'), {{"y.bin", small}}, "main");
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm", commit_of('a'));
  const auto plan = s.plan(seen, chosen);
  fs::create_symlink(s.folder.write("ref", commit_of('a')), s.hub.layout(llm).ref("v1"));
  const auto done = carry_out(plan, s.home + "/state", s.index);
  REQUIRE(done.failures.size() == 1);
  CHECK(done.failures[0].path == s.hub.layout(llm).ref("v1"));
  CHECK(done.revisions + done.blobs == 0);
  CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  const auto later = s.look();
  removal_choice again(later);
  s.choose(again, later, "model/acme/llm", commit_of('a'));
  CHECK(s.plan(later, again).withheld.size() == 1);
}

TEST_CASE("stray files among the snapshots go with their repo") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.folder.write("hub/models--acme--llm/snapshots/.DS_Store", "");
  s.folder.write("hub/models--acme--llm/snapshots/notes.txt", "");
  const auto done = s.remove("model/acme/llm");
  CHECK(done.complete());
  CHECK(done.removed == std::vector<std::string>{"model/acme/llm"});
  CHECK_FALSE(fs::exists(s.hub.layout(llm).repo_dir()));
}

TEST_CASE("a repo on another disk goes there, and its symlink here; other files beside it stay") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  s.hub.add(llm, commit_of('b'), {{"y.bin", small}}, "");
  const auto here = s.hub.layout(llm).repo_dir();
  const auto there = s.folder / "disk";
  fs::rename(here, there);
  fs::create_directory_symlink(there, here);
  CHECK(s.remove("model/acme/llm", commit_of('b')).complete());
  CHECK(test::read_file(s.entry(llm, 'a', "x.bin")) == big);
  CHECK_FALSE(fs::exists(s.hub.blob(llm, small)));
  SUBCASE("all of it") {
    CHECK(s.remove("model/acme/llm").complete());
    CHECK_FALSE(fs::exists(there));
  }
  SUBCASE("beside other files") {
    s.folder.write("disk/thesis/chapter.txt", "text");
    const auto done = s.remove("model/acme/llm");
    CHECK(done.repos == 1);
    CHECK(done.kept.size() == 1);
    CHECK(test::read_file(there + "/thesis/chapter.txt") == "text");
    CHECK_FALSE(fs::exists(there + "/blobs"));
  }
  CHECK_FALSE(fs::is_symlink(fs::symlink_status(here)));
}

TEST_CASE("a repo's symlink that leads elsewhere since the plan is not followed") {
  local_setting s;
  s.hub.add(llm, commit_of('a'), {{"x.bin", big}});
  const auto here = s.hub.layout(llm).repo_dir();
  fs::rename(here, s.folder / "disk");
  fs::create_directory_symlink(s.folder / "disk", here);
  const auto seen = s.look();
  removal_choice chosen(seen);
  s.choose(chosen, seen, "model/acme/llm");
  const auto plan = s.plan(seen, chosen);
  s.folder.write("other/refs/main", commit_of('a'));
  fs::remove(here);
  fs::create_directory_symlink(s.folder / "other", here);
  const auto done = carry_out(plan, s.home + "/state", s.index);
  CHECK(done.failures.size() == 1);
  CHECK(fs::exists(s.folder / "other/refs/main"));
}
