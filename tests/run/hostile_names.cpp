// What a Hub that means ill can name: paths, revisions, commits, hashes and etags. What is refused is refused before
// anything is written.
#include <doctest/doctest.h>

#include <set>
#include <support/machine.hpp>
#include <support/mounted.hpp>

namespace fs = std::filesystem;
using embedded::fault;
using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;

namespace {

const std::string commit(40, 'c');

/// A machine, and a Hub whose listing of acme/sly is what a test says.
struct scene {
  scene() {
    embedded::repo_model sly("acme/sly");
    sly.commit({{"config.json", embedded::regular("{}")}});
    hub.put(sly);
  }

  /// Answers every listing with files of these paths (as JSON writes them).
  void list(const std::vector<std::string>& paths) {
    std::string body;
    for (const auto& path : paths) {
      body += std::string(body.empty() ? "[" : ",") + R"({"type":"file","oid":")" + commit +
              R"(","size":2,"path":")" + path + "\"}";
    }
    answer("/tree/", body + "]");
  }
  void answer(const std::string& part, const std::string& body) {
    hub.clear_faults();
    hub.inject(fault(embedded::body(body)).on(part).repeated(fault::always));
  }
  /// The repo with these files in place of what it has.
  void offer(const std::vector<std::string>& paths) {
    embedded::file_map files;
    for (const auto& path : paths) files[path] = embedded::regular("content of " + path);
    embedded::repo_model repo("acme/sly");
    repo.commit(std::move(files));
    hub.put(repo);
  }
  /// Everything below the home.
  [[nodiscard]] std::vector<std::string> tree() const {
    std::vector<std::string> found;
    for (const auto& e : fs::recursive_directory_iterator(here.home.path())) found.push_back(e.path());
    return found;
  }
  [[nodiscard]] std::set<std::string> names_in_home() const {
    std::set<std::string> found;
    for (const auto& e : fs::directory_iterator(here.home.path())) found.insert(e.path().filename());
    return found;
  }
  [[nodiscard]] snapshot_options into_folder() const {
    return snapshot_options().with_local_dir(here.home / "local");
  }

  embedded::hub hub;
  machine here{hub};
};

/// A file system that ignores case and Unicode form; none where it cannot be had.
std::unique_ptr<test::mounted> case_folding() {
  auto disk = test::mounted::image("mkfs.ext4 -q -O casefold -E encoding=utf8", "16M");
  if (disk && !test::runs("chattr +F " + disk->folder("home"))) return nullptr;
  return disk;
}

}  // namespace

TEST_CASE("paths that leave the folder or that no system should be given are refused, naming repo and path") {
  scene s;
  std::string deep = "d";
  for (int i = 0; i < 200; ++i) deep += "/d";
  for (const auto& path : std::vector<std::string>{"../x",
                                                   "a/../../x",
                                                   "/etc/x",
                                                   "C:/x",
                                                   "c:x",
                                                   "a/D:x",
                                                   "\\\\\\\\host\\\\share\\\\x",
                                                   "..\\\\x",
                                                   "a\\\\..\\\\x",
                                                   "a\\u0000b",
                                                   "a\\nb",
                                                   "a\\u001bb",
                                                   "a\\u009bb",
                                                   "a//b",
                                                   "a/",
                                                   "./a",
                                                   ".git/hooks/post-checkout",
                                                   "a/.GIT/config",
                                                   std::string(256, 'n'),
                                                   deep}) {
    CAPTURE(path);
    s.list({"config.json", path});
    const auto failure = s.here.failure("acme/sly");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::refused);
    CHECK(failure->context().repo == "acme/sly");
    CHECK(failure->detail().find("no safe path") != std::string::npos);
    CHECK(std::string(failure->what()).find_first_of("\x1b\n") == std::string::npos);
    CHECK(s.tree().empty());
  }
}

TEST_CASE("a path that comes twice, or as file and folder, is refused before anything is written") {
  for (const auto& paths :
       std::vector<std::vector<std::string>>{{"a.txt", "b", "a.txt"}, {"a", "a/b"}, {"a/b/c", "x", "a/b"}}) {
    scene s;
    s.list(paths);
    const auto failure = s.here.failure("acme/sly");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::bad_response);
    CHECK(failure->context().repo == "acme/sly");
    CHECK(failure->context().file == paths.back().substr(0, failure->context().file.size()));
    CHECK(s.tree().empty());
  }
}

TEST_CASE("names that only other systems reserve are files like others") {
  scene s;
  const std::vector<std::string> names{
      "CON",   "NUL",      "aux.txt",        "com1/x",  "dot.", "blank ",
      " lead", "ab:?<>|*", ".huggingface/x", "blobs/x", "refs", "\xE6\x97\xA5\xE6\x9C\xAC"};
  s.offer(names);
  const auto files = s.hub.get("acme/sly").files();
  CHECK(test::holds(s.here.snapshot("acme/sly"), files));
  CHECK(test::holds(s.here.snapshot("acme/sly", s.into_folder()), files));
}

TEST_CASE(
    "names of one letter case each and both Unicode forms are two files where the file system tells them "
    "apart") {
  scene s;
  s.offer({"README.md", "readme.md", "caf\xC3\xA9", "cafe\xCC\x81"});
  const auto files = s.hub.get("acme/sly").files();
  CHECK(test::holds(s.here.snapshot("acme/sly"), files));
  CHECK(test::holds(s.here.snapshot("acme/sly", s.into_folder()), files));
  CHECK(test::names_ending(s.here.home.path(), ".tmp").empty());
}

TEST_CASE("ext4 casefold: of two names that are one there, neither file replaces the other") {
  const auto disk = case_folding();
  if (!disk) return;
  for (const auto& names : {std::pair<std::string, std::string>("README.md", "readme.md"),
                            std::pair<std::string, std::string>("cafe\xCC\x81", "caf\xC3\xA9")}) {
    for (const bool local : {false, true}) {
      scene s;
      s.here.config.cache_dir = *disk / "home/hub";
      s.offer({names.first, "between", names.second});
      const auto options =
          local ? snapshot_options().with_local_dir(*disk / "home/local") : snapshot_options();
      const auto failure = s.here.failure("acme/sly", options);
      REQUIRE(failure);
      CHECK(failure->reason() == errc::refused);
      CHECK(failure->context().repo == "acme/sly");
      CHECK(failure->context().file == names.second);
      CHECK(failure->detail().find(names.first) != std::string::npos);
      CHECK(s.hub.log().content_gets() == 0);
      CHECK(test::names_ending(*disk / "home", ".tmp").empty());
    }
  }
}

TEST_CASE("ext4 casefold: a repo whose names differ there, too, is complete") {
  const auto disk = case_folding();
  if (!disk) return;
  scene s;
  s.here.config.cache_dir = *disk / "home/hub";
  s.offer({"README.md", "caf\xC3\xA9", "cafe", "A/x", "a/y"});
  CHECK(test::holds(s.here.snapshot("acme/sly"), s.hub.get("acme/sly").files()));
}

TEST_CASE("what would take the place of a local folder's own records is refused, in any case") {
  for (const std::string path : {".cache/huggingface/download/config.json.metadata", ".Cache/HuggingFace/x",
                                 ".cache/huggingface", ".cache", ".CACHE"}) {
    CAPTURE(path);
    scene s;
    s.offer({"config.json", path});
    const auto failure = s.here.failure("acme/sly", s.into_folder());
    REQUIRE(failure);
    CHECK(failure->reason() == errc::refused);
    CHECK(failure->context().repo == "acme/sly");
    CHECK(failure->context().file == path);
    CHECK_FALSE(fs::exists(s.here.home / "local"));
    CHECK(s.hub.log().content_gets() == 0);
  }
}

TEST_CASE("a name that leaves no room for its record is refused in a local folder, and fine in a cache") {
  scene s;
  const std::string name(255, 'n');
  s.offer({name});
  const auto failure = s.here.failure("acme/sly", s.into_folder());
  REQUIRE(failure);
  CHECK(failure->reason() == errc::refused);
  CHECK_FALSE(fs::exists(s.here.home / "local"));
  CHECK(test::holds(s.here.snapshot("acme/sly"), s.hub.get("acme/sly").files()));
}

TEST_CASE("revisions that are none are refused before anybody is asked") {
  scene s;
  for (const std::string revision : {"../../x", "..", "/etc", "a/../b", "a\nb", "a//b", "refs/pr/../../../x",
                                     "a\\..\\..\\x", "C:x", "\x1b[2J"}) {
    CAPTURE(revision);
    const auto failure = s.here.failure("acme/sly", snapshot_options().with_revision(revision));
    REQUIRE(failure);
    CHECK(failure->reason() == errc::invalid_argument);
    CHECK(std::string(failure->what()).find_first_of("\x1b\n") == std::string::npos);
  }
  CHECK(s.hub.log().count() == 0);
  CHECK(s.tree().empty());
}

TEST_CASE(
    "a pull request's ref is a file below refs/, and what only looks like a commit is asked for as a "
    "branch") {
  scene s;
  auto repo = s.hub.get("acme/sly");
  repo.pull_request(1, repo.find("main")->id);
  s.hub.put(repo);
  const auto got = s.here.snapshot("acme/sly", snapshot_options().with_revision("refs/pr/1"));
  CHECK(test::read_file(s.here.repo_dir("acme/sly") / "refs/refs/pr/1") == got.commit);
  for (const auto& revision : {commit + "c", commit.substr(1), std::string(40, 'C')}) {
    CHECK(s.here.failure("acme/sly", snapshot_options().with_revision(revision))->reason() ==
          errc::revision_not_found);
  }
}

TEST_CASE("a commit or hash that is none is a bad response, and nothing is written") {
  scene s;
  for (const auto& sha :
       std::vector<std::string>{"../../../x", "", "main", commit + "c", std::string(40, 'C')}) {
    CAPTURE(sha);
    s.answer("/api/models/acme/sly/revision", R"({"id":"acme/sly","sha":")" + sha + "\"}");
    CHECK(s.here.failure("acme/sly")->reason() == errc::bad_response);
  }
  for (const std::string oid : {"../../../../../x", "", "c/c"}) {
    CAPTURE(oid);
    s.answer("/tree/", R"([{"type":"file","oid":")" + oid + R"(","size":2,"path":"x"}])");
    CHECK(s.here.failure("acme/sly")->reason() == errc::bad_response);
  }
  CHECK(s.tree().empty());
}

TEST_CASE("no header of an answer names a file") {
  for (const auto* etag : {"\"../../../x\"", "W/\"abc\"", "/etc/x", "\"\"", "a\"b", ".."}) {
    CAPTURE(etag);
    scene s;
    for (const auto* name : {"ETag", "X-Linked-ETag", "X-Repo-Commit"}) {
      s.hub.clear_faults();
      s.hub.inject(fault(embedded::set_header(name, etag)).repeated(fault::always));
      const auto got = s.here.snapshot("acme/sly", snapshot_options().with_revision("main"));
      CHECK(test::holds(got, s.hub.get("acme/sly").files()));
      const auto blobs = s.here.repo_dir("acme/sly") / "blobs";
      CHECK(std::distance(fs::directory_iterator(blobs), fs::directory_iterator()) == 1);
      fs::remove_all(s.here.config.cache_dir);
    }
    CHECK(s.names_in_home() == std::set<std::string>{"hubcache"});
  }
}
