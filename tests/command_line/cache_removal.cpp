// `hubcache cache rm`, `prune`, `gc`, `pin` and `unpin` as their users run them.
#include <hubcache/os/lock.hpp>
#include <hubcache/store/ledger.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <filesystem>
#include <support/hub_cache.hpp>
#include <support/process.hpp>
#include <sys/stat.h>

namespace fs = std::filesystem;
using hubcache::repo;
using test::commit_of;

namespace {

using result = test::outcome;

const repo llm("acme/llm");
const repo data("acme/data", hubcache::repo_type::dataset);

/// A home with a cache of two repos; the model has a detached revision.
struct shell {
  shell() {
    cache.add(llm, commit_of('a'), {{"x.bin", std::string(400'000, 'a')}, {"config.json", "{}"}}, "main");
    cache.add(llm, commit_of('b'), {{"x.bin", std::string(400'000, 'b')}, {"config.json", "{}"}}, "");
    cache.add(data, commit_of('c'), {{"y.bin", std::string(400'000, 'c')}});
  }
  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "cache"});
    test::process child(std::move(arguments), {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}});
    return test::outcome_of(child);
  }
  [[nodiscard]] bool has(const repo& which, char commit) const {
    return fs::exists(cache.layout(which).snapshot(commit_of(commit)));
  }
  /// Dates all traces of a use.
  void used(const repo& which, char commit, const std::string& bytes, long when) const {
    const timespec times[2] = {{when, 0}, {when, 0}};
    for (const auto& path : {cache.blob(which, bytes), cache.layout(which).snapshot(commit_of(commit))}) {
      REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    }
  }

  test::temp_folder home;
  test::hub_cache cache{home / "hf/hub"};
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("rm tells what it deletes and what that frees, as hf does") {
  shell s;
  const auto preview = s.run({"rm", "acme/llm@main", "dataset/acme/data", "--dry-run"});
  CHECK(preview.code == 0);
  CHECK(preview.out.starts_with("About to delete 1 repo(s) and 2 revision(s) totalling 800.0K; 80"));
  CHECK(contains(preview.out, "  - dataset/acme/data (entire repo)\n  - model/acme/llm:\n"));
  CHECK(contains(preview.out, "dataset/acme/data (entire repo)"));
  CHECK(contains(preview.out, commit_of('a') + " [main] 400.0K"));
  CHECK(preview.out.ends_with("Dry run: no files were deleted.\n"));
  CHECK(s.has(llm, 'a'));

  const auto done = s.run({"rm", "acme/llm@main", "dataset/acme/data", "-y"});
  CHECK(done.code == 0);
  CHECK(contains(done.out, "Deleted 1 repo(s) and 2 revision(s); freed 80"));
  CHECK_FALSE(s.has(llm, 'a'));
  CHECK(s.has(llm, 'b'));
  CHECK_FALSE(fs::exists(s.cache.layout(data).repo_dir()));
}

TEST_CASE("rm asks, and without a terminal it refuses and changes nothing") {
  shell s;
  const auto got = s.run({"rm", "acme/llm"});
  CHECK(got.code == 9);
  CHECK(contains(got.err, "pass -y"));
  CHECK(s.has(llm, 'a'));
}

TEST_CASE("unknown targets warn; nothing left to delete is no failure") {
  shell s;
  const auto got = s.run({"rm", "acme/other", "acme/llm@v9", "-y"});
  CHECK(got.code == 0);
  CHECK(got.out == "Nothing to delete.\n");
  CHECK(contains(got.err, "warning: 'acme/other' is not in the cache."));
  CHECK(contains(got.err, "warning: 'acme/llm@v9' names no revision of model/acme/llm in the cache."));
  CHECK(s.run({"rm"}).code == 2);
}

TEST_CASE("rm -q prints names alone, --json one object") {
  shell s;
  const auto quiet = s.run({"rm", commit_of('a'), "dataset/acme/data", "--dry-run", "-q"});
  CHECK(quiet.out == "dataset/acme/data\n" + commit_of('a') + "\n");
  CHECK(quiet.err.empty());
  const auto json = s.run({"rm", commit_of('b'), "-y", "--json"});
  CHECK(json.code == 0);
  CHECK(json.out.starts_with(
      "{\"dry_run\": false, \"removed\": true, \"repos\": [{\"repo\": \"model/acme/llm\", "
      "\"whole\": false, \"revisions\": [{\"commit\": \"" +
      commit_of('b') + "\", \"refs\": [], \"size\": 400002}]"));
  CHECK(contains(json.out, "\"report\": {\"repos\": 0, \"revisions\": 1, \"blobs\": 1, \"partials\": 0"));
  CHECK(json.out.ends_with("}\n"));
}

TEST_CASE("prune removes detached revisions and other clients' partials") {
  shell s;
  const auto etag = std::string(64, '7');
  const auto dead = s.home.write("hf/hub/models--acme--llm/blobs/" + etag + ".0a1b2c3d.incomplete", "x");
  const auto ours = s.home.write("hf/hub/models--acme--llm/blobs/" + etag + ".68756263.incomplete", "x");
  const auto got = s.run({"prune", "-y"});
  CHECK(got.code == 0);
  CHECK(contains(got.out, "Deleted 1 revision(s) and 1 incomplete file(s); freed "));
  CHECK_FALSE(s.has(llm, 'b'));
  CHECK(s.has(llm, 'a'));
  CHECK_FALSE(fs::exists(dead));
  CHECK(fs::exists(ours));
  CHECK(s.run({"prune", "-y", "--older-than", "0s"}).code == 0);
  CHECK_FALSE(fs::exists(ours));
  CHECK(contains(s.run({"prune", "-y"}).out, "Nothing to prune."));
}

TEST_CASE("gc keeps what was used last") {
  shell s;
  s.used(llm, 'a', std::string(400'000, 'a'), 1'500'000'000);
  s.used(llm, 'b', std::string(400'000, 'b'), 1'600'000'000);
  s.used(data, 'c', std::string(400'000, 'c'), 1'550'000'000);
  s.used(llm, 'a', "{}", 1'500'000'000);
  CHECK(s.run({"gc"}).code == 2);
  CHECK(s.run({"gc", "--max-size", "much"}).code == 2);
  CHECK(contains(s.run({"gc", "--max-size", "1TiB", "-y"}).out, "within its limits"));
  hubcache::ledger(s.home / "hf/hubcache").note_use(s.cache.path(), llm.folder(), commit_of('a'));
  const auto got = s.run({"gc", "--max-size", "1000K", "-y"});
  CHECK(got.code == 0);
  CHECK(s.has(llm, 'a'));
  CHECK(s.has(llm, 'b'));
  CHECK_FALSE(s.has(data, 'c'));
  CHECK(s.run({"gc", "--max-age", "30d", "-y"}).code == 0);
  CHECK(s.has(llm, 'a'));
  CHECK_FALSE(s.has(llm, 'b'));
}

TEST_CASE("what is pinned stays until it is unpinned") {
  shell s;
  CHECK(s.run({"pin"}).out.empty());
  CHECK(s.run({"pin", "acme/llm@main", commit_of('b'), "-q"}).out ==
        "model/acme/llm@main\nmodel/acme/llm@" + commit_of('b') + "\n");
  const auto missing = s.run({"pin", "acme/other"});
  CHECK(missing.code == 5);
  const auto refused = s.run({"rm", "dataset/acme/data", "acme/llm", "-y"});
  CHECK(refused.code == 9);
  CHECK(contains(refused.err, "model/acme/llm@" + commit_of('a') + " is pinned; unpin it first"));
  CHECK(s.has(data, 'c'));
  CHECK(contains(s.run({"prune", "-y"}).out, "Nothing to prune."));
  const auto all = s.run({"gc", "--max-size", "0", "-y", "-q"});
  CHECK(all.code == 9);
  CHECK(contains(all.err, "The cache cannot be made as small as asked. What must stay is "));
  CHECK(s.has(data, 'c'));
  CHECK(s.has(llm, 'a'));
  CHECK(s.has(llm, 'b'));
  CHECK(contains(s.run({"pin"}).out, "model/acme/llm main     "));
  CHECK(s.run({"pin", "--json"})
            .out.starts_with("{\"pins\": [{\"repo\": \"model/acme/llm\", \"revision\": \"bbbb"));
  CHECK(s.run({"unpin", "acme/llm", "-q"}).code == 0);
  CHECK(s.run({"unpin", "acme/llm"}).code == 5);
  CHECK(s.run({"rm", "acme/llm", "-y"}).code == 0);
  CHECK_FALSE(fs::exists(s.cache.layout(llm).repo_dir()));
}

TEST_CASE("a pin that cannot be read stops what chooses by itself") {
  shell s;
  const auto file = s.home.write("hf/hubcache/pins/0123456789abcdef.json", "");
  for (const auto& arguments : {std::vector<std::string>{"prune", "-y"}, {"gc", "--max-size", "0", "-y"}}) {
    const auto got = s.run(arguments);
    CHECK(got.code == 9);
    CHECK(contains(got.err, file));
    CHECK(contains(got.err, "remove it and pin again"));
  }
  CHECK(s.has(llm, 'b'));
  const auto named = s.run({"rm", commit_of('b'), "-y"});
  CHECK(named.code == 0);
  CHECK(contains(named.err, "warning: " + file));
  CHECK_FALSE(s.has(llm, 'b'));
  CHECK(s.has(llm, 'a'));
}

TEST_CASE("edited files are named before they go, and go only when their revision is named") {
  shell s;
  const auto file = s.home / "hf/hub/models--acme--llm/snapshots/" + commit_of('b') + "/config.json";
  test::process edit({HUBCACHE_COMMAND, "edit", file},
                     {{"HOME", s.home / "user"}, {"HF_HOME", s.home / "hf"}});
  REQUIRE(edit.wait() == 0);
  const auto pruned = s.run({"prune", "-y"});
  CHECK(pruned.code == 0);
  CHECK(contains(pruned.err, "holds files that were edited: config.json"));
  CHECK(s.run({"gc", "--max-size", "0", "-y"}).code == 9);
  CHECK(fs::exists(file));
  const auto preview = s.run({"rm", commit_of('b'), "--dry-run"});
  CHECK(contains(preview.err, file + " was edited"));
  CHECK(s.run({"rm", commit_of('b'), "-y"}).code == 0);
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE("-q prints what was removed, not what was planned") {
  shell s;
  const auto all = s.run({"rm", commit_of('b'), "dataset/acme/data", "-y", "-q"});
  CHECK(all.out == "dataset/acme/data\n" + commit_of('b') + "\n");
  std::error_code ec;
  s.cache.add(data, commit_of('c'), {{"y.bin", "new"}});
  const auto folder = s.cache.layout(llm).snapshot(commit_of('a'));
  test::process keep({"/bin/sh", "-c", "chattr +i '" + folder + "'"}, {});
  if (keep.wait() != 0) {
    MESSAGE("skipped: needs root and a file system with immutable folders");
    return;
  }
  const auto failed = s.run({"rm", "acme/llm@main", "dataset/acme/data", "-y", "-q"});
  test::process free({"/bin/sh", "-c", "chattr -i '" + folder + "'"}, {});
  CHECK(free.wait() == 0);
  CHECK(failed.code == 7);
  CHECK(failed.out == "dataset/acme/data\n");
}

TEST_CASE("a duration without its unit removes nothing") {
  shell s;
  for (const auto* const text : {"90", "6M"}) {
    CHECK(s.run({"gc", "--max-age", text, "-y"}).code == 2);
    CHECK(s.run({"prune", "--older-than", text, "-y"}).code == 2);
  }
  CHECK(s.has(llm, 'b'));
}

TEST_CASE("a repo that a process works on is not removed; the rest is, and the exit code tells") {
  shell s;
  std::error_code ec;
  const auto lease = hubcache::ledger(s.home / "hf/hubcache")
                         .try_lease(s.cache.path(), llm.folder(), hubcache::os::lock_mode::shared, ec);
  REQUIRE(lease);
  const auto got = s.run({"rm", "acme/llm", "dataset/acme/data", "-y"});
  CHECK(got.code == 1);
  CHECK(contains(got.err, "model/acme/llm is left alone"));
  CHECK(s.has(llm, 'a'));
  CHECK_FALSE(s.has(data, 'c'));
}

TEST_CASE("a missing cache holds nothing") {
  shell s;
  fs::remove_all(s.cache.path());
  CHECK(s.run({"prune", "-y"}).code == 0);
  CHECK(s.run({"gc", "--max-size", "0", "-y"}).code == 0);
  CHECK(s.run({"rm", "acme/llm", "-y"}).code == 0);
  CHECK(s.run({"pin"}).code == 0);
}
