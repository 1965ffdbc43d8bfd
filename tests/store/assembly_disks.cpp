// Assembled directories on real file systems.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <store/assembled.hpp>
#include <store/placed.hpp>
#include <string>
#include <support/mounted.hpp>

namespace fs = std::filesystem;
using hubcache::link_kind;
using test::assembly_scene;
using test::mounted;
using test::status;

namespace {

/// The kinds of the four files: small, large, small, large.
std::string kinds_of(const hubcache::assembly_report& done) {
  std::string text;
  for (const auto& one : done.files) {
    if (one.link) text.append(text.empty() ? "" : " ").append(to_string(*one.link));
  }
  return text;
}

void check_same_again(assembly_scene& s) {
  const auto before = s.state();
  for (const auto& one : s.run().files) CHECK(one.kept);
  CHECK(s.state() == before);
}

}  // namespace

TEST_CASE("on ext4 an assembled directory has hard links, and copies of small files") {
  const auto disk = mounted::image("mkfs.ext4 -q", "64M");
  if (!disk) return;
  assembly_scene s(disk->path());
  CHECK(kinds_of(s.run()) == "copy hardlink copy hardlink");
  CHECK(s.tree() == s.wanted());
  check_same_again(s);
}

TEST_CASE(
    "on btrfs an assembled directory has reflinks, of small files and of those that may be written to, too") {
  const auto disk = mounted::image("mkfs.btrfs -q", "256M");
  if (!disk) return;
  assembly_scene s(disk->path());
  fs::permissions(s.cache.blob(s.vae, test::weights_of('v')), fs::perms(0644));
  CHECK(kinds_of(s.run()) == "reflink reflink reflink reflink");
  CHECK(s.tree() == s.wanted());
  CHECK((status(s.shown("vae/model.bin")).mode & 0222U) == 0);
  check_same_again(s);
  fs::remove_all(s.cache.path());
  CHECK(s.tree().at("vae/model.bin") == test::weights_of('v'));
}

TEST_CASE(
    "on another file system than the cache an assembled directory has symlinks, and copies of small files") {
  const auto disk = mounted::tmpfs("64m");
  if (!disk) return;
  const test::temp_folder home;
  assembly_scene s(home.path().string());
  s.what.dir = *disk / "shown";
  const auto done = s.run();
  CHECK(kinds_of(done) == "copy symlink copy symlink");
  CHECK(done.pins.size() == 2);
  CHECK(s.tree() == s.wanted());
  check_same_again(s);
}

TEST_CASE("a repo whose folder was moved to another disk is linked to from there") {
  const auto disk = mounted::image("mkfs.ext4 -q", "64M");
  if (!disk) return;
  const test::temp_folder home;
  assembly_scene s(home.path().string());
  const auto repo = s.cache.layout(s.vae).repo_dir();
  fs::copy(repo, *disk / "vae", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  fs::remove_all(repo);
  fs::create_directory_symlink(*disk / "vae", repo);
  s.what.dir = *disk / "shown";
  CHECK(kinds_of(s.run()) == "copy symlink copy hardlink");
  CHECK(s.tree() == s.wanted());
}

TEST_CASE("a disk without space ends the run with an error, and the next one fills the directory") {
  const auto disk = mounted::tmpfs("128k");
  if (!disk) return;
  const test::temp_folder home;
  assembly_scene s(home.path().string());
  s.what.dir = disk->folder("shown");
  std::ofstream(*disk / "filler") << std::string(200'000, 'f');
  const auto failed = s.failure();
  REQUIRE(failed);
  CHECK(failed->reason() == hubcache::errc::disk_full);
  fs::remove(*disk / "filler");
  s.run();
  CHECK(s.tree() == s.wanted());
}
