// Disks that are full, over their quota, or read-only, as real file systems are.
#include <hubcache/os/file.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <support/mounted.hpp>

#include "disk_faults/scene.hpp"

using hubcache::errc;
using test::machine;
using test::mounted;
using test::runs;
using test::two_repos;
namespace fs = std::filesystem;

namespace {

/// Everything of a machine lies on one disk.
void move_to(machine& here, const mounted& disk) {
  here.config.cache_dir = disk / "hf/hub";
  here.config.state_dir = disk / "hf/hubcache";
}

/// Takes the space of `disk` until `left` bytes are free.
void fill(const mounted& disk, std::uint64_t left) {
  std::error_code ec;
  const auto file = hubcache::os::open_or_create(disk / "hog", 0600, ec);
  for (std::uint64_t at = 0, step = 1U << 20U; step >= 4096;) {
    const auto free = hubcache::os::free_bytes(disk.path(), ec);
    const bool fits = free >= left + step;
    if (!fits || ::posix_fallocate(file.get(), static_cast<off_t>(at), static_cast<off_t>(step)) != 0) {
      step /= 2;
    } else {
      at += step;
    }
  }
}

/// Runs until the disk is full, some bytes after the plan was made; then frees the disk and runs again.
/// @return whether the disk was full indeed
bool fill_and_free(two_repos& world, const mounted& disk, std::uint64_t left) {
  machine here(world.hub);
  move_to(here, disk);
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::planned>(e)) fill(disk, left);
  };
  bool failed = false;
  {
    hubcache::cache cache(here.config);
    try {
      static_cast<void>(cache.snapshot("acme/first", hubcache::snapshot_options(), observer));
    } catch (const hubcache::error& e) {
      failed = true;
      INFO(e.what());
      CHECK(e.reason() == errc::disk_full);
      CHECK(test::is_clear(e));
    }
  }
  CHECK(test::wrong_blobs(here.config.cache_dir) == std::vector<std::string>());
  CHECK(test::ref_is_true(here, world.first));
  fs::remove(disk / "hog");
  world.hub.log().clear();
  const auto most = test::all_bytes(world.first) - test::durable_bytes(here, world.first);
  CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
  CHECK(world.hub.log().content_bytes_sent() <= most);
  CHECK(test::leftovers(disk.path()) == std::vector<std::string>());
  fs::remove_all(disk / "hf");
  return failed;
}

}  // namespace

TEST_CASE("ext4: a disk that has room for some of a download keeps that, and the next run goes on") {
  const auto disk = mounted::image("mkfs.ext4 -q -b 4096 -m 0", "24M");
  if (!disk) return;
  two_repos world;
  int full = 0;
  const std::uint64_t step = test::full_size() ? 16'384 : 256 * 1024;
  for (std::uint64_t left = 0; left < 2'000'000; left += step) {
    CAPTURE(left);
    full += fill_and_free(world, *disk, left) ? 1 : 0;
  }
  CHECK(full > 1);
}

TEST_CASE("ext4: a download that finds no room gives back what it reserved in vain") {
  const auto disk = mounted::image("mkfs.ext4 -q -b 4096 -m 0", "24M");
  if (!disk) return;
  two_repos world;
  machine here(world.hub);
  move_to(here, *disk);
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::planned>(e)) fill(*disk, 1'000'000);
  };
  hubcache::cache cache(here.config);
  CHECK_THROWS_AS(static_cast<void>(cache.snapshot("acme/first", hubcache::snapshot_options(), observer)),
                  hubcache::error);
  std::error_code ec;
  CHECK(hubcache::os::free_bytes(disk->path(), ec) > 600'000);
}

TEST_CASE("tmpfs: whichever file or folder finds no inode, the run says so and the next one goes on") {
  if (!mounted::tmpfs("1m")) return;
  two_repos world;
  bool failed = true;
  for (int inodes = 2; failed; inodes += test::full_size() ? 1 : 4) {
    CAPTURE(inodes);
    const auto disk = mounted::tmpfs("16m,nr_inodes=" + std::to_string(inodes));
    REQUIRE(disk);
    machine here(world.hub);
    move_to(here, *disk);
    const auto failure = here.failure("acme/first");
    failed = failure.has_value();
    if (failure) {
      INFO(failure->what());
      CHECK(failure->reason() == errc::disk_full);
      CHECK(test::is_clear(*failure));
    }
    CHECK(test::wrong_blobs(here.config.cache_dir) == std::vector<std::string>());
    CHECK(test::ref_is_true(here, world.first));
    REQUIRE(::mount("none", disk->path().c_str(), nullptr, MS_REMOUNT, "nr_inodes=1000") == 0);
    world.hub.log().clear();
    const auto most = test::all_bytes(world.first) - test::durable_bytes(here, world.first);
    CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
    CHECK(world.hub.log().content_bytes_sent() <= most);
  }
}

TEST_CASE(
    "btrfs: a quota ends a download like a full disk does, and once it is raised the next run goes on") {
  const auto disk = mounted::image("mkfs.btrfs -q", "128M");
  if (!disk) return;
  if (!runs("btrfs quota enable " + disk->path()) || !runs("btrfs subvolume create " + *disk / "hf")) {
    MESSAGE("skipped: needs quotas of btrfs");
    return;
  }
  REQUIRE(runs("btrfs qgroup limit 800K " + *disk / "hf"));
  two_repos world;
  machine here(world.hub);
  move_to(here, *disk);
  const auto failed = here.failure("acme/first");
  REQUIRE(failed);
  INFO(failed->what());
  CHECK(failed->reason() == errc::disk_full);
  CHECK(test::is_clear(*failed));
  CHECK(test::wrong_blobs(here.config.cache_dir) == std::vector<std::string>());
  REQUIRE(runs("btrfs qgroup limit none " + *disk / "hf"));
  world.hub.log().clear();
  const auto most = test::all_bytes(world.first) - test::durable_bytes(here, world.first);
  CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
  CHECK(world.hub.log().content_bytes_sent() <= most);
}

TEST_CASE("a home that became read-only serves what it has, and says why it takes no more") {
  const auto disk = mounted::tmpfs("16m");
  if (!disk) return;
  two_repos world;
  machine here(world.hub);
  move_to(here, *disk);
  const auto first = here.snapshot("acme/first");
  REQUIRE(::mount(nullptr, disk->path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  CHECK(here.snapshot("acme/first").path == first.path);
  CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
  const auto failed = here.failure("acme/second");
  REQUIRE(failed);
  CHECK(test::is_clear(*failed));
  CHECK(failed->detail().find("Read-only file system") != std::string::npos);
}
