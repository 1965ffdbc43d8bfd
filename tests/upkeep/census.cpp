#include <hubcache/upkeep/census.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <support/hub_cache.hpp>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using hubcache::repo_type;
using test::commit_of;

namespace {

struct setup {
  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  hubcache::workers pool{2};

  [[nodiscard]] hubcache::census look() { return hubcache::take_census(cache.path(), pool); }
  /// Path in the cache.
  [[nodiscard]] std::string operator/(const std::string& name) const { return cache.path() + "/" + name; }
  void link(const std::string& target, const std::string& name) const {
    fs::create_directories(fs::path(*this / name).parent_path());
    fs::create_symlink(target, *this / name);
  }
  std::string write(const std::string& name, std::string_view text) const {
    return home.write("hub/" + name, text);
  }
};

std::string text_of(const hubcache::census& seen) {
  std::string all;
  for (const auto& p : seen.problems) all += p.path.substr(seen.cache_dir.size()) + ": " + p.text + "\n";
  return all;
}

bool tells(const hubcache::census& seen, std::string_view text) {
  return text_of(seen).find(text) != std::string::npos;
}

const hubcache::census_entry& entry(const hubcache::census_revision& in, std::string_view path) {
  const auto at = std::find_if(in.entries.begin(), in.entries.end(), [&](auto& e) { return e.path == path; });
  REQUIRE(at != in.entries.end());
  return *at;
}

}  // namespace

TEST_CASE("repos of every type are seen, sorted by label, with their files, revisions and refs") {
  setup s;
  s.cache.add("acme/llm", commit_of('a'), {{"config.json", "{}"}, {"unet/deep/w.bin", "weights"}});
  s.cache.add("acme/llm", commit_of('b'), {{"config.json", "{}"}}, "refs/pr/1");
  s.cache.add({"acme/data", repo_type::dataset}, commit_of('c'), {{"train", "1"}});
  s.cache.add({"acme/app", repo_type::space}, commit_of('d'), {{"app.py", "2"}});
  s.link("../../blobs/x", "kernels--acme--k/snapshots/" + commit_of('e') + "/f");
  s.write("kernels--acme--k/blobs/x", "k");
  s.cache.add("gpt2", commit_of('f'), {{"f", "3"}});
  const auto seen = s.look();
  CHECK(text_of(seen).empty());
  std::string labels;
  for (const auto& r : seen.repos) labels += r.label() + " ";
  CHECK(labels == "dataset/acme/data kernel/acme/k model/acme/llm model/gpt2 space/acme/app ");

  const auto& llm = seen.repos[2];
  CHECK(llm.path == s / "models--acme--llm");
  REQUIRE(llm.revisions.size() == 2);
  CHECK(llm.revisions[0].commit == commit_of('a'));
  CHECK(llm.revisions[0].refs == std::vector<std::string>{"main"});
  CHECK(llm.revisions[1].refs == std::vector<std::string>{"refs/pr/1"});
  CHECK(llm.refs.at("refs/pr/1") == commit_of('b'));
  REQUIRE(llm.contents.size() == 2);  // both revisions share one
  const auto weights = entry(llm.revisions[0], "unet/deep/w.bin").content;
  REQUIRE(weights);
  CHECK(llm.contents[*weights].path == s.cache.blob("acme/llm", "weights"));
  CHECK(llm.contents[*weights].payload == llm.contents[*weights].path);
  CHECK(llm.contents[*weights].status.identity.size == 7);
  CHECK(llm.contents[*weights].blob);
  CHECK(entry(llm.revisions[0], "config.json").content == entry(llm.revisions[1], "config.json").content);
}

TEST_CASE("an empty or missing cache is an empty census") {
  setup s;
  CHECK(s.look().repos.empty());
  const auto none = hubcache::take_census(s.home / "nowhere", s.pool);
  CHECK(none.repos.empty());
  CHECK(none.problems.empty());
}

TEST_CASE("a revision is as new as its newest file, an empty one as its folder") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"old", "old"}, {"new", "new"}});
  fs::create_directories(s / ("models--a--b/snapshots/" + commit_of('b')));
  const timespec times[2] = {{1000, 0}, {2000, 500}};
  REQUIRE(::utimensat(AT_FDCWD, s.cache.blob("a/b", "old").c_str(), times, 0) == 0);
  const timespec later[2] = {{1000, 0}, {3000, 7}};
  REQUIRE(::utimensat(AT_FDCWD, s.cache.blob("a/b", "new").c_str(), later, 0) == 0);
  const auto seen = s.look();
  REQUIRE(seen.repos.size() == 1);
  CHECK(seen.repos[0].revisions[0].modified_ns == 3'000'000'000'007);
  CHECK(seen.repos[0].revisions[1].modified_ns > 3'000'000'000'007);
}

TEST_CASE(
    "plain files in a snapshot are contents, named by the recorded listing while their size is the listed") {
  setup s;
  const auto name = test::content_of("12345").name.hex();
  const auto folder = "models--a--b/snapshots/" + commit_of('a') + "/";
  s.write(folder + "same", "12345");
  s.write(folder + "edited", "123456");
  s.write(folder + "unlisted", "1");
  hubcache::listing tree;
  tree.commit = commit_of('a');
  for (const auto* const path : {"edited", "same"}) {
    hubcache::file_entry one;
    one.path = path;
    one.size = 5;
    one.blob_id = std::string(40, '1');
    one.lfs = true;
    one.sha256 = test::content_of("12345").name;
    tree.files.push_back(one);
  }
  std::error_code ec;
  hubcache::write_tree(s / ("models--a--b/trees/" + commit_of('a') + ".json"), tree, ec);
  const auto seen = s.look();
  CHECK(text_of(seen).empty());
  REQUIRE(seen.repos.size() == 1);
  const auto& repo = seen.repos[0];
  REQUIRE(repo.contents.size() == 3);
  for (const auto& one :
       std::map<std::string, std::string>{{"same", name}, {"edited", ""}, {"unlisted", ""}}) {
    const auto& [path, expected] = one;
    CAPTURE(one.first);
    const auto& found = repo.contents[entry(repo.revisions[0], path).content.value()];
    CHECK(found.name == expected);
    CHECK(found.path == s / (folder + path));
    CHECK(!found.blob);
  }
}

TEST_CASE("contents are sorted by path, whatever the snapshots are called") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"f", "1"}});
  s.write("models--a--b/snapshots/x/f", "1");
  s.write("models--a--b/snapshots/x-y/f", "22");
  const auto repo = s.look().repos.at(0);
  CHECK(std::is_sorted(repo.contents.begin(), repo.contents.end(),
                       [](auto& a, auto& b) { return a.path < b.path; }));
  for (const auto& revision : repo.revisions) {
    for (const auto& e : revision.entries) {
      const auto& c = repo.contents.at(e.content.value());
      CHECK((c.blob || c.path == revision.path + "/" + e.path));
    }
  }
}

TEST_CASE("blobs may be symlinks: into the shared store, or to a file in place") {
  setup s;
  const std::string xet(64, '7');
  s.write("blobs/.huggingface-shared-blobs", "1\n");
  const auto shared = s.write("blobs/77/" + xet, "shared");
  const auto elsewhere = s.home.write("models/m.bin", "in place!");
  s.link("../../blobs/77/" + xet, "models--a--b/blobs/one");
  s.link(elsewhere, "models--a--b/blobs/two");
  s.link("../../blobs/one", "models--a--b/snapshots/" + commit_of('a') + "/one");
  s.link("../../blobs/two", "models--a--b/snapshots/" + commit_of('a') + "/two");
  const auto seen = s.look();
  CHECK(text_of(seen).empty());  // the store is no repo
  REQUIRE(seen.repos.size() == 1);
  REQUIRE(seen.repos[0].contents.size() == 2);
  CHECK(seen.repos[0].contents[0].payload == shared);
  CHECK(seen.repos[0].contents[0].name == "one");
  CHECK(seen.repos[0].contents[0].path == s / "models--a--b/blobs/one");
  CHECK(seen.repos[0].contents[0].status.identity.size == 6);
  CHECK(seen.repos[0].contents[1].payload == elsewhere);
  CHECK(seen.repos[0].contents[1].status.identity.size == 9);
}

TEST_CASE("a shared store without its marker is a stranger") {
  setup s;
  s.write("blobs/77/x", "shared");
  CHECK(text_of(s.look()) == "/blobs: Repo path is not a valid HuggingFace cache directory\n");
}

TEST_CASE("entries that lead to no blob of their repo have no content") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  s.cache.add("c/d", commit_of('a'), {{"other", "2"}});
  const auto at = "models--a--b/snapshots/" + commit_of('a') + "/";
  s.link("../../blobs/gone", at + "dangling");
  s.link(s.cache.blob("c/d", "2"), at + "across");
  s.link("/etc/passwd", at + "outside");
  s.link("loop", at + "loop");
  s.link("../../blobs/..", at + "dots");
  s.link("../../../blobs/" + test::content_of("1").name.hex(), at + "misplaced");
  REQUIRE(::mkfifo((s / (at + "fifo")).c_str(), 0600) == 0);
  s.write("elsewhere/secret", "");
  s.link(s / "elsewhere", at + "folder");
  const auto seen = s.look();
  const auto& revision = seen.repos.at(0).revisions.at(0);
  CHECK(entry(revision, "good").content);
  for (const auto* const name : {"dangling", "across", "outside", "loop", "dots", "misplaced", "folder"}) {
    CAPTURE(name);
    CHECK(!entry(revision, name).content);
    CHECK(tells(seen, at + name + ": "));
  }
  CHECK(tells(seen, at + "fifo: is no regular file"));
  CHECK(tells(seen, at + "dangling: Blob missing (broken symlink)"));
  CHECK(!tells(seen, "secret"));
  // What hides behind a symlinked folder may use any blob.
  for (const auto& p : seen.problems) {
    CHECK(p.unreadable == (p.path.ends_with("/folder") || p.path.ends_with("/dots")));
  }
}

TEST_CASE("a symlink in place of a snapshot, of refs or of a ref hides what is in use") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  s.home.write("outside/file", "");
  const auto outside = s.home / "outside";
  SUBCASE("a snapshot") { s.link(outside, "models--a--b/snapshots/" + commit_of('b')); }
  SUBCASE("all snapshots") { s.link(outside, "models--c--d/snapshots"); }
  SUBCASE("a ref") { s.link(s.home / "outside/file", "models--a--b/refs/v1"); }
  SUBCASE("all refs") {
    fs::create_directories(s / "models--c--d/snapshots");
    s.link(s.home / "outside", "models--c--d/refs");
  }
  const auto seen = s.look();
  REQUIRE(seen.problems.size() == 1);
  CHECK(seen.problems[0].unreadable);
}

TEST_CASE("a symlink to a file among the snapshots is only a stray file") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  s.link(s.home.write("outside", ""), "models--a--b/snapshots/stray");
  s.link("nowhere", "models--a--b/snapshots/broken");
  const auto seen = s.look();
  CHECK(seen.problems.size() == 2);
  for (const auto& p : seen.problems) CHECK(!p.unreadable);
}

TEST_CASE("absolute entries are understood, under any name of the cache") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  const auto at = "models--a--b/snapshots/" + commit_of('a') + "/";
  s.link(s.cache.blob("a/b", "1"), at + "absolute");
  fs::create_directory_symlink(s.cache.path(), s.home / "alias");
  s.link((s.home / "alias/models--a--b/blobs/") + test::content_of("1").name.hex(), at + "alias");
  for (const auto& path : {s.cache.path(), s.home / "alias"}) {
    const auto seen = hubcache::take_census(path, s.pool);
    CHECK(text_of(seen).empty());
    for (const auto& e : seen.repos.at(0).revisions.at(0).entries) CHECK(e.content);
    CHECK(seen.repos[0].path.starts_with(path));
  }
}

TEST_CASE("blobs that are not files are problems, and partial files are kept apart") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  const std::string etag(64, '0');
  s.write("models--a--b/blobs/" + etag + ".incomplete", "older");
  s.write("models--a--b/blobs/" + etag + ".0a1b2c3d.incomplete", "partial");
  s.write("models--a--b/blobs/folder/file", "");
  s.link("nowhere", "models--a--b/blobs/broken");
  s.link("self", "models--a--b/blobs/self");
  s.link("/", "models--a--b/blobs/root");
  const auto seen = s.look();
  const auto& repo = seen.repos.at(0);
  CHECK(repo.contents.size() == 1);
  REQUIRE(repo.partials.size() == 2);
  CHECK(repo.partials[0].status.identity.size + repo.partials[1].status.identity.size == 12);
  CHECK(tells(seen, "blobs/broken: is a symlink to a file that is missing"));
  CHECK(tells(seen, "blobs/self: is a symlink that leads nowhere"));
  CHECK(tells(seen, "blobs/root: is no regular file"));
  CHECK(tells(seen, "blobs/folder: is no regular file"));
}

TEST_CASE("what is wrong with a cache is told in the words of hf") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  for (const auto* const ignored : {"CACHEDIR.TAG", ".DS_Store", "Thumbs.db", "desktop.ini", ".locks/x/y",
                                    "models--a--b/snapshots/.DS_Store"}) {
    s.write(ignored, "");
  }
  CHECK(text_of(s.look()).empty());
  s.write("stray", "");
  s.write("folder/file", "");
  s.write("widgets--a--b/file", "");
  s.write("models--only--refs/refs/main", commit_of('c'));
  s.write("models--file--in--snapshots/snapshots/file", "");
  s.write("models--missing--commit/refs/main", commit_of('c'));
  fs::create_directories(s / ("models--missing--commit/snapshots/" + commit_of('a')));
  s.write("models--refs--file/refs", "");
  fs::create_directories(s / "models--refs--file/snapshots");
  CHECK(text_of(s.look()) ==
        "/folder: Repo path is not a valid HuggingFace cache directory\n"
        "/models--file--in--snapshots/snapshots/file: Snapshots folder corrupted. Found a file\n"
        "/models--missing--commit: Reference(s) refer to missing commit hashes: main -> " +
            commit_of('c') +
            "\n"
            "/models--only--refs: Snapshots dir doesn't exist in cached repo\n"
            "/models--refs--file/refs: Refs directory cannot be a file or a symlink\n"
            "/stray: Repo path is not a directory\n"
            "/widgets--a--b: Repo type must be `dataset`, `model`, `space` or `kernel`\n");
}

TEST_CASE("a repo that was moved to another disk is looked at through its symlink") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  fs::create_directories(s.home / "disk");
  fs::rename(s / "models--a--b", s.home / "disk/models--a--b");
  fs::create_directory_symlink(s.home / "disk/models--a--b", s / "models--a--b");
  const auto seen = s.look();
  REQUIRE(seen.repos.size() == 1);
  CHECK(seen.problems.empty());
  CHECK(seen.repos[0].contents.size() == 1);
  CHECK(seen.repos[0].revisions.at(0).entries.at(0).content == 0);
  CHECK(seen.repos[0].path == s / "models--a--b");
  CHECK(seen.repos[0].real_path == fs::canonical(s.home / "disk/models--a--b"));
}

TEST_CASE("a symlink to a repo that is seen by another name, or around the cache, is no second repo") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  s.home.write("disk/models--x/snapshots/stray", "");
  s.link(s.home / "disk/models--x", "models--x--one");
  s.link("models--a--b", "models--a--alias");
  s.link(s / "models--a--b/snapshots", "models--a--inside");
  s.link(s.home / "disk/models--x", "models--x--two");
  s.link(s.home.path().string(), "models--around--it");
  const auto seen = s.look();
  REQUIRE(seen.repos.size() == 2);
  CHECK(seen.repos[0].label() == "model/a/b");
  CHECK(seen.repos[1].label() == "model/x/one");
  for (const auto* const name : {"a--alias", "a--inside", "x--two", "around--it"}) {
    CHECK(tells(seen, "/models--" + std::string(name) + ": is a symlink to what the cache has"));
  }
}

TEST_CASE("refs are read with or without a newline; others are problems, unfinished ones are ignored") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}}, "");
  s.write("models--a--b/refs/main", commit_of('a') + "\n");
  s.write("models--a--b/refs/refs/pr/1", commit_of('a'));
  s.write("models--a--b/refs/v1.0.0a1b2c3d.tmp", "");
  s.write("models--a--b/refs/bad", "not a commit");
  s.write("models--a--b/refs/huge", std::string(100'000, 'a'));
  s.link("/etc/passwd", "models--a--b/refs/link");
  const auto seen = s.look();
  const auto& repo = seen.repos.at(0);
  CHECK(repo.refs.size() == 2);
  CHECK(repo.revisions.at(0).refs == std::vector<std::string>{"main", "refs/pr/1"});
  CHECK(tells(seen, "refs/bad: does not name a commit"));
  CHECK(tells(seen, "refs/huge: "));
  CHECK(tells(seen, "refs/link: is no ref"));
  CHECK(seen.problems.size() == 3);
}

TEST_CASE("folders that cannot be read are told apart, and the rest is still seen") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"nested/f", "1"}, {"top", "2"}});
  s.cache.add("c/d", commit_of('a'), {{"f", "3"}});
  const auto locked = s / ("models--a--b/snapshots/" + commit_of('a') + "/nested");
  fs::permissions(locked, fs::perms::none);
  fs::permissions(s / "models--c--d/blobs", fs::perms::none);
  const bool root = ::geteuid() == 0;  // who may read everything
  if (root) REQUIRE(::seteuid(65534) == 0);
  const auto seen = s.look();
  if (root) REQUIRE(::seteuid(0) == 0);
  REQUIRE(seen.repos.size() == 2);
  CHECK(std::count_if(seen.problems.begin(), seen.problems.end(),
                      [](const auto& p) { return p.unreadable; }) == 2);
  CHECK(entry(seen.repos[0].revisions.at(0), "top").content);
  fs::permissions(locked, fs::perms::all);
  fs::permissions(s / "models--c--d/blobs", fs::perms::all);
}

TEST_CASE("folders in folders without end are left, and symlinked ones are not entered") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  const auto at = "models--a--b/snapshots/" + commit_of('a') + "/";
  std::string deep = at;
  for (int i = 0; i < 100; ++i) deep += "d/";
  fs::create_directories(s / deep);
  s.link("..", at + "up");
  s.link(s.home.path().string(), "models--e--f/blobs");
  s.link(s.home.path().string(), "models--e--f/snapshots");
  s.link(s.home.path().string(), "models--e--f/refs");
  const auto seen = s.look();
  CHECK(tells(seen, "lies too many folders deep"));
  CHECK(tells(seen, "up: is a symlink to a folder"));
  for (const auto* const name : {"blobs", "snapshots", "refs"}) {
    CHECK(tells(seen, "models--e--f/" + std::string(name) + ": "));
  }
  CHECK(seen.repos.at(1).contents.empty());
}

TEST_CASE("names need not be text") {
  setup s;
  s.write("models--\xFF--x/blobs/\xFE\n", "1");
  s.link("../../blobs/\xFE\n", "models--\xFF--x/snapshots/\xFD/\x01");
  const auto seen = s.look();
  CHECK(text_of(seen).empty());
  CHECK(seen.repos.at(0).label() == "model/\xFF/x");
  CHECK(entry(seen.repos[0].revisions.at(0), "\x01").content);
}

TEST_CASE("a census ends early when it is told to") {
  setup s;
  s.cache.add("a/b", commit_of('a'), {{"good", "1"}});
  std::stop_source stop;
  stop.request_stop();
  const auto seen = hubcache::take_census(s.cache.path(), s.pool, stop.get_token());
  for (const auto& r : seen.repos) CHECK(r.contents.empty());
}
