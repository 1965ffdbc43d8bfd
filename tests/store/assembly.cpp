#include <hubcache/error.hpp>
#include <hubcache/store/assembly.hpp>
#include <hubcache/store/ledger.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <store/assembled.hpp>
#include <store/placed.hpp>
#include <string>
#include <support/outside.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::link_kind;
using test::read_file;
using test::status;
using test::weights_of;

namespace {

/// A scene on the test machine's own file system.
struct scene : private test::temp_folder, test::assembly_scene {
  scene() : assembly_scene(path().string()) {}
  [[nodiscard]] std::string operator/(std::string_view name) const { return temp_folder::operator/(name); }
};

/// Links only by these: the same kinds on every file system.
const hubcache::first_of<hubcache::hard_link, hubcache::copy> by_hard_link;
const hubcache::first_of<hubcache::copy> by_symlink;  // large files are not copied

std::vector<std::string> kinds_of(const hubcache::assembly_report& done) {
  std::vector<std::string> result;
  for (const auto& one : done.files) result.emplace_back(one.link ? to_string(*one.link) : "written");
  return result;
}

bool all_kept(const hubcache::assembly_report& done) {
  return std::all_of(done.files.begin(), done.files.end(), [](const auto& one) { return one.kept; });
}

void write(const std::string& path, std::string_view text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

/// That a run is refused because of `path` in the directory, and changes nothing there.
void check_refused(scene& s, const std::string& path, const std::string& why) {
  CAPTURE(path);
  const auto before = s.state();
  const auto failed = s.failure();
  REQUIRE(failed);
  CHECK(failed->reason() == errc::refused);
  CHECK(failed->context().file == s.shown(path));
  CHECK(failed->detail().find(why) != std::string::npos);
  CHECK(s.state() == before);
}

}  // namespace

TEST_CASE("an assembled directory shows files of several repos, and its manifest tells where they are from") {
  scene s;
  const auto done = s.run(by_hard_link);
  CHECK(kinds_of(done) == std::vector<std::string>{"copy", "hardlink", "copy", "hardlink", "written"});
  CHECK_FALSE(all_kept(done));
  CHECK(done.pins.empty());
  CHECK(s.tree() == s.wanted());
  CHECK(status(s.shown("unet/model.bin")).identity.inode ==
        status(s.cache.blob(s.pipe, weights_of('u'))).identity.inode);
  CHECK((status(s.shown("unet/config.json")).mode & 0222U) == 0);

  const auto files = s.manifest();
  REQUIRE(files.size() == 5);
  CHECK(files[3].path == "vae/model.bin");
  CHECK(files[3].repo == s.vae);
  CHECK(files[3].commit == test::commit_of('b'));
  CHECK(files[3].source == "model.bin");
  CHECK(files[3].size == 100'000);
  CHECK(files[3].sha256 == test::content_of(weights_of('v')).name);
  CHECK(files[3].link == link_kind::hard_link);
  CHECK(files[4].path == "model_index.json");
  CHECK_FALSE(files[4].repo);
  CHECK_FALSE(files[4].link);
  CHECK(files[4].sha256 == test::content_of(s.what.texts[0].text).name);
}

TEST_CASE("the default links leave nothing large copied") {
  scene s;
  const auto done = s.run();
  CHECK(done.files[1].link != link_kind::copy);
  CHECK(done.files[3].link != link_kind::copy);
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("the same again changes nothing") {
  for (const hubcache::link_ref by : {hubcache::link_ref(by_hard_link), hubcache::link_ref(by_symlink)}) {
    scene s;
    const auto first = s.run(by);
    const auto before = s.state();
    const auto again = s.run(by);
    CHECK(s.state() == before);
    CHECK(all_kept(again));
    CHECK(kinds_of(again) == kinds_of(first));
    CHECK(again.removed.empty());
    CHECK(again.pins.empty());
  }
}

TEST_CASE("the index spares the hashing of what it knows, and is told what links did to a blob") {
  scene s;
  s.run(by_hard_link);
  const auto large = test::content_of(weights_of('u')).name;
  const auto blob = fs::canonical(s.cache.blob(s.pipe, weights_of('u'))).string();
  const auto places = s.index.find(large);
  const auto is_current = [&](const hubcache::place& known) {
    return known.path == blob && known.state == hubcache::trust::verified &&
           known.identity == status(blob).identity;
  };
  CHECK(std::any_of(places.begin(), places.end(), is_current));
  const auto in_dir = std::find_if(places.begin(), places.end(), [&](const hubcache::place& known) {
    return known.path == s.shown("unet/model.bin");
  });
  REQUIRE(in_dir != places.end());
  CHECK(in_dir->store == hubcache::mutability::mutable_store);

  const test::counting_hashes hashes;
  s.what.texts.clear();
  s.what.files = {s.what.files[1]};
  (void)assemble(s.what, s.config, by_hard_link, hashes, s.index, {});
  const auto begun = hashes.begun();
  (void)assemble(s.what, s.config, by_hard_link, hashes, s.index, {});
  CHECK(hashes.begun() == begun);
}

TEST_CASE("content that the directory shows twice is hashed and linked once") {
  const auto hashes_begun = [](bool twice) {
    scene s;
    s.what.texts.clear();
    s.what.files = {s.what.files[3]};
    if (twice) s.what.files.push_back(s.file("again/model.bin", s.vae, 'b', "model.bin", weights_of('v')));
    const test::counting_hashes hashes;
    const auto done = assemble(s.what, s.config, by_hard_link, hashes, s.index, {});
    CHECK(done.files.back().link == link_kind::hard_link);
    CHECK(s.tree() == s.wanted());
    return hashes.begun();
  };
  CHECK(hashes_begun(true) == hashes_begun(false));
}

TEST_CASE(
    "another component takes the place of the old one; what is not wanted any more goes with its folders") {
  scene s;
  s.what.files.push_back(s.file("old/deep/model.bin", s.vae, 'c', "model.bin", weights_of('w')));
  s.what.files.push_back(s.file("mixed/config.json", s.vae, 'c', "config.json", "{\"vae\": 2}"));
  s.run(by_hard_link);
  write(s.shown("mixed/mine.txt"), "mine");
  write(s.shown("vae/mine.txt"), "mine");

  s.what.files.resize(4);
  s.use_other_vae();
  s.what.texts = {{"model_index.json", "{\"vae\": [2]}"}, {"more.json", "{}"}};
  const auto done = s.run(by_hard_link);
  CHECK(done.removed == std::vector<std::string>{"mixed/config.json", "old/deep/model.bin"});
  CHECK(done.files[0].kept);
  CHECK(done.files[1].kept);
  CHECK_FALSE(done.files[2].kept);
  CHECK_FALSE(done.files[3].kept);
  CHECK_FALSE(fs::exists(s.shown("old")));
  auto expected = s.wanted();
  expected["mixed/mine.txt"] = expected["vae/mine.txt"] = "mine";
  CHECK(s.tree() == expected);
  CHECK(s.manifest().size() == 6);
}

TEST_CASE("a file that only comes from another commit is kept, and the manifest says so") {
  scene s;
  s.add(s.vae, 'd', {{"model.bin", weights_of('v')}});
  s.run(by_hard_link);
  const auto before = status(s.shown("vae/model.bin")).identity.inode;
  s.what.files[3] = s.file("vae/model.bin", s.vae, 'd', "model.bin", weights_of('v'));
  CHECK(all_kept(s.run(by_hard_link)));
  CHECK(status(s.shown("vae/model.bin")).identity.inode == before);
  CHECK(s.manifest()[3].commit == test::commit_of('d'));
}

TEST_CASE("what somebody removed from the directory is made again") {
  scene s;
  s.run(by_hard_link);
  fs::remove_all(s.shown("vae"));
  fs::remove(s.shown("model_index.json"));
  const auto done = s.run(by_hard_link);
  CHECK(done.files[1].kept);
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("what stands in the way and hubcache did not put there is named, and nothing is touched") {
  struct plant {
    std::string path;
    std::string named;
    std::function<void(const std::string&)> put;
  };
  const auto put_file = [](const std::string& path) { write(path, "mine"); };
  const auto put_folder = [](const std::string& path) { fs::create_directories(path); };
  const auto put_symlink = [](const std::string& path) { fs::create_symlink("nowhere", path); };
  const std::vector<plant> plants{{"vae/model.bin", "vae/model.bin", put_file},
                                  {"vae/config.json", "vae/config.json", put_folder},
                                  {"model_index.json", "model_index.json", put_symlink},
                                  {"vae", "vae/config.json", put_file},
                                  {"vae", "vae/config.json", put_symlink}};
  for (const auto& [path, named, put] : plants) {
    scene s;
    const auto wanted = s.what;
    s.what.files.resize(1);
    s.what.texts.clear();
    s.run(by_hard_link);
    put(s.shown(path));
    s.what = wanted;
    check_refused(s, named, "");
  }
}

TEST_CASE("a file of the manifest that was changed since is named, and nothing is touched") {
  const auto edit = [](const std::string& path) {
    fs::permissions(path, fs::perms(0644));
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).put('!');
  };
  const auto replace = [](const std::string& path) {
    fs::remove(path);
    write(path, "other");
  };
  const auto point = [](const std::string& path) {
    fs::remove(path);
    fs::create_symlink("/nowhere/model.bin", path);
  };
  const auto become_folder = [](const std::string& path) {
    fs::remove(path);
    fs::create_directories(path);
  };
  for (const bool linked : {false, true}) {
    const hubcache::link_ref by = linked ? hubcache::link_ref(by_symlink) : hubcache::link_ref(by_hard_link);
    const std::vector<std::pair<std::function<void(const std::string&)>, std::string>> changes{
        {linked ? std::function<void(const std::string&)>(replace) : edit,
         linked ? "no symlink" : "other content"},
        {replace, linked ? "no symlink" : "5 bytes instead of 100000"},
        {point, linked ? "leads to /nowhere/model.bin" : "it is a symlink"},
        {become_folder, "it is no file"}};
    for (const auto& [change, why] : changes) {
      scene s;
      s.run(by);
      change(s.shown("vae/model.bin"));
      s.use_other_vae();
      check_refused(s, "vae/model.bin", why);
      s.what.files.resize(2);  // not wanted any more, and all the same not ours to remove
      check_refused(s, "vae/model.bin", why);
    }
  }
}

TEST_CASE("a text that was changed since is named, and nothing is touched") {
  scene s;
  s.run(by_hard_link);
  write(s.shown("model_index.json"), "{\"vae\": 42}");
  s.what.texts = {{"model_index.json", "{}"}};
  check_refused(s, "model_index.json", "other content");
}

TEST_CASE("a folder of the directory that became a symlink is not followed") {
  scene s;
  s.run(by_hard_link);
  const test::outside away;
  fs::rename(s.shown("vae"), s / "moved");
  fs::create_directory_symlink(away / "folder", s.shown("vae"));
  const auto before = away.state();
  s.use_other_vae();
  check_refused(s, "vae/config.json", "symlink");
  s.what.files.resize(2);
  check_refused(s, "vae/config.json", "symlink");
  CHECK(away.state() == before);
}

TEST_CASE("a directory with files and no manifest is refused; an empty one is filled") {
  scene s;
  write(s.shown("mine.txt"), "mine");
  const auto failed = s.failure();
  REQUIRE(failed);
  CHECK(failed->reason() == errc::refused);
  CHECK(failed->context().file == s.what.dir);
  CHECK(s.tree() == std::map<std::string, std::string>{{"mine.txt", "mine"}});
  fs::remove(s.shown("mine.txt"));
  s.run();
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a manifest that cannot be read is an error that names it, and nothing is touched") {
  scene s;
  s.run();
  const auto path = s.shown(std::string(hubcache::assembly_manifest));
  write(path, "{}");
  const auto before = s.state();
  const auto failed = s.failure();
  REQUIRE(failed);
  CHECK(failed->reason() == errc::malformed_file);
  CHECK(failed->context().file == path);
  CHECK(s.state() == before);
}

TEST_CASE("a directory in a store or in the state folder is refused") {
  scene s;
  s.config.stores = {{hubcache::store_kind::ollama, s / "ollama", hubcache::store_origin::found},
                     {hubcache::store_kind::folder, s / "models", hubcache::store_origin::added}};
  fs::create_directory_symlink(s.cache.path(), s / "alias");
  for (const auto* name :
       {"hub", "hub/models--acme--vae/shown", "alias/shown", "state/shown", "ollama/shown"}) {
    s.what.dir = s / name;
    const auto failed = s.failure();
    REQUIRE(failed);
    CHECK(failed->reason() == errc::refused);
    CHECK((fs::path(name).filename() != "shown" || !fs::exists(s.what.dir)));
  }
  s.what.dir = s / "models/shown";
  s.run();
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("what cannot be a file of the directory is refused before anything is made") {
  const std::vector<std::function<void(hubcache::assembly&)>> mistakes{
      [](auto& what) { what.dir = "relative"; },
      [](auto& what) { what.files[0].path = "../up"; },
      [](auto& what) { what.files[0].path = what.files[1].path; },
      [](auto& what) { what.texts[0].path = "vae"; },
      [](auto& what) { what.texts[0].path = hubcache::assembly_manifest; },
      [](auto& what) { what.texts[0].path = ".hubcache-assembly.lock"; },
      [](auto& what) { what.files[0].commit = "main"; },
      [](auto& what) { what.files[0].source = "/etc/passwd"; },
      [](auto& what) { what.files[0].sha256 = *hubcache::digest::parse(std::string(40, '0')); },
  };
  for (const auto& mistake : mistakes) {
    scene s;
    const auto dir = s.what.dir;
    mistake(s.what);
    const auto failed = s.failure();
    REQUIRE(failed);
    CHECK(failed->reason() == errc::invalid_argument);
    CHECK_FALSE(fs::exists(dir));
  }
}

TEST_CASE(
    "where neither reflink nor hard link works, a symlink leads to the snapshot's entry, and its commit is "
    "pinned") {
  scene s;
  const auto done = s.run(by_symlink);
  CHECK(kinds_of(done) == std::vector<std::string>{"copy", "symlink", "copy", "symlink", "written"});
  CHECK(fs::read_symlink(s.shown("vae/model.bin")) == s.entry(s.vae, 'b', "model.bin"));
  CHECK(s.tree() == s.wanted());
  REQUIRE(done.pins.size() == 2);
  CHECK(done.pins[1].repo == "model/acme/vae");
  const auto pins = hubcache::ledger(s.config.state_dir).pins(s.cache.path()).pins;
  REQUIRE(pins.size() == 2);
  CHECK(pins[1].repo == "model/acme/vae");
  CHECK(pins[1].revision == test::commit_of('b'));

  s.use_other_vae();
  const auto other = s.run(by_symlink);
  CHECK(other.files[1].kept);
  CHECK(other.pins.size() == 1);
  CHECK(fs::read_symlink(s.shown("vae/model.bin")) == s.entry(s.vae, 'c', "model.bin"));
}

TEST_CASE("a symlink that is kept is pinned again if its pin is gone") {
  scene s;
  const auto pins = s.run(by_symlink).pins;
  std::error_code ec;
  const hubcache::ledger book(s.config.state_dir);
  CHECK(book.remove_pin(pins[0], ec));
  const auto again = s.run(by_symlink);
  CHECK(all_kept(again));
  CHECK(again.pins.size() == 1);
  CHECK(book.pins(s.cache.path()).pins.size() == 2);
}

TEST_CASE("a blob that somebody may write to gets no other name") {
  scene s;
  fs::permissions(s.cache.blob(s.vae, weights_of('v')), fs::perms(0644));
  CHECK(s.run(by_hard_link).files[3].link == link_kind::symlink);
}

TEST_CASE("files of a local folder, which nothing pins, are not linked to") {
  scene s;
  write(s / "local/model.bin", weights_of('v'));
  s.what.files[3].file = s / "local/model.bin";
  const auto kind = s.run().files[3].link;
  CHECK((kind == link_kind::copy || kind == link_kind::reflink));
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("nobody can read a file in the directory who could not read it in the cache") {
  scene s;
  fs::permissions(s.cache.path(), fs::perms(0700));
  const auto done = s.run(by_hard_link);
  CHECK(done.files[1].link == link_kind::symlink);
  CHECK(done.files[0].link == link_kind::copy);
  CHECK(status(s.shown("unet/config.json")).mode == 0400);
  CHECK((status(s.shown("model_index.json")).mode & 0077U) == 0);
  CHECK((status(s.shown(std::string(hubcache::assembly_manifest))).mode & 0077U) == 0);
  s.what.texts[0].text = "{}";
  CHECK(s.run(by_hard_link).files[0].kept);
  CHECK((status(s.shown("model_index.json")).mode & 0077U) == 0);
}

TEST_CASE("an edit while the directory is being filled is not lost") {
  /// Links, after somebody edited a file.
  struct edited {
    std::string path;
    hubcache::link_report link(const hubcache::opened_file& have, const hubcache::link_target& want,
                               hubcache::link_kinds kinds, std::error_code& ec) const {
      fs::remove(path);
      write(path, "mine");
      return hubcache::copy().link(have, want, kinds, ec);
    }
  };
  // One that is replaced, one that is removed, one that is written, and one that was not there.
  for (const auto* const path : {"vae/config.json", "unet/config.json", "model_index.json", "vae/new.json"}) {
    CAPTURE(path);
    scene s;
    s.run(by_hard_link);
    s.use_other_vae();
    s.what.files.push_back(s.file("vae/new.json", s.vae, 'c', "config.json", "{\"vae\": 2}"));
    s.what.files.erase(s.what.files.begin());
    s.what.texts[0].text = "{}";
    const edited links{s.shown(path)};
    try {
      s.run(links);
      FAIL("nothing was noticed");
    } catch (const hubcache::error& e) {
      CHECK(e.reason() == errc::refused);
      CHECK(e.context().file == s.shown(path));
    }
    CHECK(read_file(s.shown(path)) == "mine");
    fs::remove(s.shown(path));
    s.run(by_hard_link);
    CHECK(s.tree() == s.wanted());
  }
}

TEST_CASE("a kept symlink is refused once the blob behind it is of other bytes") {
  scene s;
  s.run(by_symlink);
  const auto blob = s.cache.blob(s.vae, weights_of('v'));
  fs::permissions(blob, fs::perms(0644));
  write(blob, weights_of('x'));
  const auto failed = s.failure();
  REQUIRE(failed);
  CHECK(failed->reason() == errc::refused);
  CHECK(failed->context().file == s.entry(s.vae, 'b', "model.bin"));
}

TEST_CASE("a file of ours becomes a folder, and a folder of ours a file") {
  scene s;
  const auto folder = s.what;
  auto file = s.what;
  file.files.resize(2);
  file.texts = {{"vae", "one file"}};
  for (const auto& next : {file, folder, file}) {
    s.what = next;
    s.run();
    CHECK(s.tree() == s.wanted());
  }
  // A run that was killed before it changed anything.
  s.what = folder;
  auto both = s.manifest();
  fs::create_directories(s / "elsewhere");
  s.what.dir = s / "elsewhere";
  s.run();
  for (auto& entry : s.manifest()) {
    const bool known = std::find(both.begin(), both.end(), entry) != both.end();
    if (entry.repo) entry.link.reset();
    if (!known) both.push_back(entry);
  }
  s.what.dir = folder.dir;
  write(s.shown(std::string(hubcache::assembly_manifest)), format_assembly_manifest(both));
  s.run();
  CHECK(s.tree() == s.wanted());
  // What is not ours stays.
  write(s.shown("vae/mine.txt"), "mine");
  s.what = file;
  check_refused(s, "vae", "");
}

TEST_CASE("where others share the directory and could not read a copy, there is a symlink") {
  scene s;
  fs::permissions(s.cache.path(), fs::perms(0700));
  fs::create_directories(s.what.dir);
  fs::permissions(s.what.dir, fs::perms(02777));
  const auto done = s.run(by_hard_link);
  CHECK(done.files[0].link == link_kind::symlink);
  CHECK(done.pins.size() == 2);
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a snapshot's file that was edited or is gone ends the run before anything is made") {
  scene s;
  const auto entry = s.entry(s.vae, 'b', "model.bin");
  fs::remove(entry);
  const auto gone = s.failure();
  REQUIRE(gone);
  CHECK(gone->reason() == errc::not_cached);
  CHECK(gone->context().file == entry);
  write(entry, weights_of('x'));
  const auto edited = s.failure();
  REQUIRE(edited);
  CHECK(edited->reason() == errc::refused);
  CHECK(edited->context().file == entry);
  CHECK(edited->context().repo == "acme/vae");
  CHECK_FALSE(fs::exists(s.what.dir));
}

TEST_CASE("a stop that was requested makes nothing") {
  scene s;
  std::stop_source stop;
  stop.request_stop();
  const auto failed = s.failure(stop.get_token());
  REQUIRE(failed);
  CHECK(failed->reason() == errc::cancelled);
  CHECK_FALSE(fs::exists(s.what.dir));
}

TEST_CASE("a stop between two files leaves no part of them, and the next run fills the directory") {
  scene s;
  std::stop_source stop;
  /// Links, and then asks for a stop.
  struct stopping {
    std::stop_source& stop;
    hubcache::link_report link(const hubcache::opened_file& have, const hubcache::link_target& want,
                               hubcache::link_kinds kinds, std::error_code& ec) const {
      stop.request_stop();
      return hubcache::copy().link(have, hubcache::link_target(want.path, want.mode), kinds, ec);
    }
  };
  const stopping links{stop};
  CHECK_THROWS_AS(s.run(links, stop.get_token()), hubcache::error);
  CHECK(s.tree().empty());
  s.run();
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a run that was killed after its first manifest is taken up, whichever files it had changed") {
  for (unsigned done = 0; done < 4; ++done) {
    scene s;
    s.run(by_hard_link);
    const auto old = s.manifest();
    auto both = old;
    s.use_other_vae();
    for (const auto i : {2U, 3U}) {
      const auto& file = s.what.files[i];
      auto& entry = both.emplace_back(old[i]);
      entry.commit = file.commit;
      entry.size = file.what.size;
      entry.sha256 = file.sha256;
      entry.link.reset();
      if ((done >> (i - 2) & 1U) == 0) continue;
      fs::remove(s.shown(file.path));
      fs::copy_file(file.file, s.shown(file.path));
    }
    write(s.shown(std::string(hubcache::assembly_manifest)), format_assembly_manifest(both));
    write(s.shown(".hubcache-assembly.01234567.incomplete.89abcdef.incomplete"), "half");
    write(s.shown(".hubcache-assembly.lock"), "");
    s.run(by_hard_link);
    CHECK(s.tree() == s.wanted());
    CHECK(s.manifest().size() == 5);
    CHECK(s.manifest()[3].link == link_kind::hard_link);
  }
}

TEST_CASE("a directory that another process fills, and a repo that one removes from, are left alone") {
  scene s;
  std::error_code ec;
  fs::create_directories(s.what.dir);
  {
    const auto lock = hubcache::os::file_lock::try_lock(s.shown(".hubcache-assembly.lock"),
                                                        hubcache::os::lock_mode::exclusive, ec);
    REQUIRE(lock);
    CHECK(s.failure()->context().file == s.what.dir);
  }
  {
    const auto lease = hubcache::ledger(s.config.state_dir)
                           .try_lease(s.cache.path(), s.vae.folder(), hubcache::os::lock_mode::exclusive, ec);
    REQUIRE(lease);
    const auto failed = s.failure();
    REQUIRE(failed);
    CHECK(failed->reason() == errc::refused);
    CHECK(failed->context().repo == "acme/vae");
  }
  s.run();
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a lease that is held for a moment is waited for") {
  scene s;
  std::error_code ec;
  auto lease = hubcache::ledger(s.config.state_dir)
                   .try_lease(s.cache.path(), s.vae.folder(), hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(lease);
  std::jthread holder([held = std::move(*lease)]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto dropped = std::move(held);
  });
  s.run();
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a manifest reads as it was written; anything else in one is refused with the place") {
  scene s;
  s.run(by_symlink);
  const auto text = read_file(s.shown(std::string(hubcache::assembly_manifest)));
  CHECK(format_assembly_manifest(s.manifest()) == text);
  CHECK(hubcache::parse_assembly_manifest(hubcache::format_assembly_manifest({})).empty());

  const auto problem = [&text](const std::string& from, const std::string& to) {
    auto changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != changed.npos);
    changed.replace(at, from.size(), to);
    try {
      static_cast<void>(hubcache::parse_assembly_manifest(changed));
    } catch (const hubcache::error& e) {
      CHECK(e.reason() == errc::malformed_file);
      return e.detail();
    }
    return std::string();
  };
  CHECK(problem("{", "[").find("JSON") != std::string::npos);
  CHECK(problem("hubcache-assembly", "x").find("format") != std::string::npos);
  CHECK(problem("\"version\": 1", "\"version\": 2").find("newer") != std::string::npos);
  CHECK(problem("\"version\": 1", "\"version\": 1, \"more\": 1").find("each once") != std::string::npos);
  CHECK(problem("\"unet/model.bin\"", "\"../model.bin\"").find("file 2: expected a path") !=
        std::string::npos);
  CHECK(problem("\"unet/model.bin\"", "\"hubcache-assembly.json\"").find("a path") != std::string::npos);
  CHECK(problem("\"acme/pipe\"", "\"acme/../pipe\"").find("file 1: expected the id") != std::string::npos);
  CHECK(problem("\"model\"", "\"models\"").find("repo_type") != std::string::npos);
  CHECK(problem(test::commit_of('a'), "main").find("a commit") != std::string::npos);
  CHECK(problem("\"source\": \"unet", "\"source\": \"/unet").find("a source") != std::string::npos);
  CHECK(problem("\"size\": 11", "\"size\": -11").find("a size") != std::string::npos);
  CHECK(problem("\"sha256\": \"", "\"sha256\": \"x").find("a sha256") != std::string::npos);
  CHECK(problem("\"copy\"", "\"auto\"").find("a link") != std::string::npos);
  CHECK(problem("\"copy\"", "8").find("a link") != std::string::npos);
  CHECK(problem("\"link\": null", "\"link\": \"copy\"").find("a link") != std::string::npos);
  CHECK(problem(", \"link\": \"copy\"", "").find("file 1: expected an object") != std::string::npos);
  CHECK(problem("\"repo_type\": \"model\", ", "").find("file 1: expected an object") != std::string::npos);
}

TEST_CASE("a path comes at most twice in a manifest") {
  scene s;
  s.run();
  auto files = s.manifest();
  files.push_back(files[0]);
  CHECK(hubcache::parse_assembly_manifest(format_assembly_manifest(files)) == files);
  files.push_back(files[0]);
  CHECK_THROWS_WITH_AS(static_cast<void>(hubcache::parse_assembly_manifest(format_assembly_manifest(files))),
                       doctest::Contains("unet/config.json"), hubcache::error);
}
