#include <hubcache/upkeep/disk_map.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <support/hub_cache.hpp>
#include <support/mounted.hpp>
#include <support/temp_folder.hpp>
#include <sys/statvfs.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;
using hubcache::content_ref;
using test::commit_of;

namespace {

/// Bytes that nobody has twice, and nothing compresses to nothing.
std::string bytes(char kind, std::size_t size) {
  std::string text(size, kind);
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    const auto n = (i + static_cast<unsigned char>(kind)) * 0x9E3779B97F4A7C15U;
    text.replace(i, 8, reinterpret_cast<const char*>(&n), 8);
  }
  return text;
}

/// A census made by hand: repos with contents of one inode each, unless they are given the same number.
class drawn_census {
 public:
  drawn_census() { seen.cache_dir = "/cache"; }

  /// @param inode of the content, @param links how many names the inode has.
  drawn_census& add(std::size_t repo, std::uint64_t inode, std::uint64_t allocated, std::uint64_t links = 1) {
    if (seen.repos.size() <= repo) seen.repos.resize(repo + 1);
    auto& made = seen.repos[repo].contents.emplace_back();
    made.path = made.payload =
        "/cache/" + std::to_string(repo) + "/" + std::to_string(seen.repos[repo].contents.size());
    made.status.identity.device = 1;
    made.status.identity.inode = inode;
    made.status.identity.size = made.status.allocated = allocated;
    made.status.links = links;
    return *this;
  }
  [[nodiscard]] hubcache::disk_map map() { return hubcache::map_disk(seen, pool); }

  hubcache::census seen;
  hubcache::workers pool{1};
};

/// A cache on a file system of its own.
struct disk {
  explicit disk(std::unique_ptr<test::mounted> m) : at(std::move(m)), cache(*at / "hub") {}

  hubcache::census look() { return hubcache::take_census(cache.path(), pool); }
  hubcache::disk_map map() { return hubcache::map_disk(look(), pool); }
  [[nodiscard]] double used() const {
    ::sync();
    struct statvfs s {};
    REQUIRE(::statvfs(at->path().c_str(), &s) == 0);
    return static_cast<double>(s.f_blocks - s.f_bfree) * static_cast<double>(s.f_frsize);
  }
  /// Another repo whose only file is another's, by `command` with both paths behind it.
  void add_by(const std::string& command, const std::string& from, const hubcache::repo& to, char commit) {
    const auto blob = cache.layout(to).blobs_dir() + "/" + fs::path(from).filename().string();
    fs::create_directories(fs::path(blob).parent_path());
    REQUIRE(test::runs(command + " " + from + " " + blob));
    const auto snapshot = cache.layout(to).snapshot(commit_of(commit));
    fs::create_directories(snapshot);
    fs::create_symlink("../../blobs/" + fs::path(from).filename().string(), snapshot + "/w.bin");
  }

  std::unique_ptr<test::mounted> at;
  test::hub_cache cache;
  hubcache::workers pool{2};
};

hubcache::content_selection all_of_repo(const hubcache::census& seen, std::size_t repo) {
  auto gone = hubcache::select_nothing(seen);
  gone[repo].assign(gone[repo].size(), true);
  return gone;
}

/// Within file system metadata: 2 % and 256 KiB.
bool near(double measured, std::uint64_t told) {
  return std::abs(measured - static_cast<double>(told)) <= 0.02 * measured + 256.0 * 1024;
}

/// Whether deletions since `held` bytes were used freed what was told. XFS frees a moment later.
bool frees(const disk& d, double held, std::uint64_t told) {
  for (int i = 0; i < 100 && !near(held - d.used(), told); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return near(held - d.used(), told);
}

constexpr std::size_t big = 8'000'000;

/// Builds a cache with every kind of sharing that the file system has, and compares what is told with what the file
/// system says, before and after a deletion.
void check_against_the_file_system(const std::string& mkfs, bool reflinks, const std::string& mount = "") {
  CAPTURE(mkfs);
  auto made = mkfs == "tmpfs" ? test::mounted::tmpfs("128M") : test::mounted::image(mkfs, "768M");
  if (!made) return;
  if (!mount.empty()) REQUIRE(test::runs("mount -o remount," + mount + " " + made->path()));
  disk d(std::move(made));
  const auto before = d.used();
  d.cache.add("a/source", commit_of('a'), {{"w.bin", bytes('w', big)}, {"own.bin", bytes('o', big)}});
  d.cache.add("b/other", commit_of('a'), {{"alone.bin", bytes('x', big)}, {"small.json", "{}"}});
  const auto weights = d.cache.blob("a/source", bytes('w', big));
  d.add_by("ln", weights, "c/hard", 'a');
  if (reflinks) {
    d.add_by("cp --reflink=always", weights, "d/clone", 'a');
    d.add_by("cp --reflink=always", weights, "e/changed", 'a');
    // A part of its own in the middle of shared bytes.
    const auto changed =
        d.cache.layout("e/changed").blobs_dir() + "/" + fs::path(weights).filename().string();
    REQUIRE(test::runs("dd if=/dev/urandom of=" + changed + " bs=1M seek=2 count=3 conv=notrunc"));
  }
  const auto full = d.used();
  const auto seen = d.look();
  CHECK(seen.problems.empty());
  const auto map = hubcache::map_disk(seen, d.pool);
  const auto usage = hubcache::usage_of(seen, map);
  CAPTURE(full - before);
  CAPTURE(map.total());
  CHECK(near(full - before, map.total()));
  for (const auto& u : usage) CHECK(!u.shared_outside);

  REQUIRE(seen.repos[0].label() == "model/a/source");
  CHECK(near(big, usage[0].unique));
  CHECK(near(big, usage[0].shared()));
  CHECK(usage[0].apparent == 2 * big);
  CHECK(usage[0].unique == map.freed_by(all_of_repo(seen, 0)));
  CHECK(usage[0].shared_with.size() == (reflinks ? 3 : 1));
  CHECK(usage[1].shared() == 0);
  CHECK(near(big, usage[1].unique));
  CHECK(usage[2].unique == 0);
  if (reflinks) {
    CHECK(usage[3].unique == 0);
    CHECK(near(3 << 20, usage[4].unique));
  }
  // Deleted in this order, each frees what the map told.
  auto gone = hubcache::select_nothing(seen);
  std::uint64_t told = 0;
  for (std::size_t r = seen.repos.size(); r-- > 0;) {
    gone[r].assign(gone[r].size(), true);
    const auto now = map.freed_by(gone);
    const auto held = d.used();
    fs::remove_all(seen.repos[r].path);
    CAPTURE(seen.repos[r].label());
    CAPTURE(now - told);
    CHECK(frees(d, held, now - told));
    told = now;
  }
  CHECK(told == map.total());
}

}  // namespace

TEST_CASE("hard links count once, and are freed with their last name") {
  drawn_census drawn;
  drawn.add(0, 7, 1000, 2).add(1, 7, 1000, 2).add(1, 8, 10);
  const auto map = drawn.map();
  CHECK(map.total() == 1010);
  auto gone = hubcache::select_nothing(drawn.seen);
  CHECK(map.freed_by(gone) == 0);
  CHECK(map.held_by(gone) == 0);
  gone[0][0] = true;
  CHECK(map.freed_by(gone) == 0);
  CHECK(map.held_by(gone) == 1000);
  gone[1][0] = true;
  CHECK(map.freed_by(gone) == 1000);
  const auto usage = hubcache::usage_of(drawn.seen, map);
  CHECK(usage[0].on_disk == 1000);
  CHECK(usage[0].unique == 0);
  CHECK(usage[0].shared_with == std::vector<std::size_t>{1});
  CHECK(usage[1].unique == 10);
  CHECK(usage[1].shared() == 1000);
  CHECK(!usage[1].shared_outside);
}

TEST_CASE("an inode with a name outside the census is never freed") {
  drawn_census drawn;
  drawn.add(0, 7, 1000, 2);
  const auto map = drawn.map();
  CHECK(map.total() == 1000);
  CHECK(map.freed_by(all_of_repo(drawn.seen, 0)) == 0);
  const auto usage = hubcache::usage_of(drawn.seen, map);
  CHECK(usage[0].shared_outside);
  CHECK(usage[0].unique == 0);
  CHECK(usage[0].shared_with.empty());
}

TEST_CASE("two names in one repo are one inode") {
  drawn_census drawn;
  drawn.add(0, 7, 1000, 2).add(0, 7, 1000, 2);
  const auto map = drawn.map();
  CHECK(hubcache::usage_of(drawn.seen, map)[0].unique == 1000);
  CHECK(hubcache::usage_of(drawn.seen, map)[0].apparent == 2000);
  auto gone = hubcache::select_nothing(drawn.seen);
  gone[0][1] = true;
  CHECK(map.freed_by(gone) == 0);
}

TEST_CASE("a payload of the shared store goes with its last user; one outside the cache stays") {
  drawn_census drawn;
  drawn.add(0, 7, 1000).add(1, 7, 1000).add(1, 8, 10);
  for (const std::size_t r : {0U, 1U}) drawn.seen.repos[r].contents[0].payload = "/cache/blobs/77/x";
  drawn.seen.repos[1].contents[1].payload = "/elsewhere/model.bin";
  const auto map = drawn.map();
  CHECK(map.total() == 1010);
  CHECK(map.freed_by(all_of_repo(drawn.seen, 0)) == 0);
  CHECK(map.freed_by({{true}, {true, true}}) == 1000);
  CHECK(hubcache::usage_of(drawn.seen, map)[1].shared_outside);
}

TEST_CASE("the same inode number on two devices is two files") {
  drawn_census drawn;
  drawn.add(0, 7, 1000).add(1, 7, 100);
  drawn.seen.repos[1].contents[0].status.identity.device = 2;
  CHECK(drawn.map().total() == 1100);
  CHECK(drawn.map().freed_by(all_of_repo(drawn.seen, 0)) == 1000);
}

TEST_CASE("nothing is nothing") {
  drawn_census drawn;
  CHECK(drawn.map().total() == 0);
  CHECK(hubcache::select_nothing(drawn.seen).empty());
  CHECK(hubcache::usage_of(drawn.seen, drawn.map()).empty());
}

TEST_CASE("ext4 agrees with the map") {
  check_against_the_file_system("mkfs.ext4 -q -O ^has_journal", false);
}

TEST_CASE("tmpfs agrees with the map") { check_against_the_file_system("tmpfs", false); }

TEST_CASE("xfs agrees with the map, reflinks included") {
  check_against_the_file_system("mkfs.xfs -q -m reflink=1", true);
}

TEST_CASE("btrfs agrees with the map, reflinks included") {
  check_against_the_file_system("mkfs.btrfs -q -d single -m single", true, "nodatasum");
}

TEST_CASE("extents shared with files outside the cache are not freed") {
  for (const auto* const mkfs : {"mkfs.btrfs -q", "mkfs.xfs -q -m reflink=1"}) {
    CAPTURE(mkfs);
    auto made = test::mounted::image(mkfs, "512M");
    if (!made) continue;
    disk d(std::move(made));
    d.cache.add("a/b", commit_of('a'), {{"w.bin", bytes('w', big)}, {"own.bin", bytes('o', big)}});
    REQUIRE(test::runs("cp --reflink=always " + d.cache.blob("a/b", bytes('w', big)) + " " + *d.at / "copy"));
    const auto seen = d.look();
    const auto map = hubcache::map_disk(seen, d.pool);
    const auto usage = hubcache::usage_of(seen, map);
    CHECK(usage[0].shared_outside);
    CHECK(near(big, usage[0].unique));
    CHECK(near(2.0 * big, usage[0].on_disk));
    const auto held = d.used();
    fs::remove_all(d.cache.path());
    CHECK(frees(d, held, map.freed_by(all_of_repo(seen, 0))));
  }
}

TEST_CASE("a file that shares bytes with itself alone is all its repo's own") {
  for (const auto* const mkfs : {"mkfs.btrfs -q", "mkfs.xfs -q -m reflink=1"}) {
    CAPTURE(mkfs);
    auto made = test::mounted::image(mkfs, "512M");
    if (!made) continue;
    disk d(std::move(made));
    d.cache.add("a/b", commit_of('a'), {{"w.bin", bytes('w', 4 << 20)}});
    const auto blob = d.cache.blob("a/b", bytes('w', 4 << 20));
    REQUIRE(test::runs("sync -f " + blob));
    REQUIRE(test::runs("xfs_io -c 'reflink " + blob + " 0 4m 4m' " + blob));
    const auto seen = d.look();
    const auto usage = hubcache::usage_of(seen, hubcache::map_disk(seen, d.pool));
    CHECK(usage[0].apparent == 8 << 20);
    CHECK(near(4 << 20, usage[0].unique));
    CHECK(!usage[0].shared_outside);
  }
}

TEST_CASE("clones in another subvolume are seen as the same bytes") {
  auto made = test::mounted::image("mkfs.btrfs -q", "512M");
  if (!made) return;
  disk d(std::move(made));
  d.cache.add("a/b", commit_of('a'), {{"w.bin", bytes('w', big)}});
  REQUIRE(test::runs("btrfs subvolume create " + d.cache.layout("c/d").repo_dir()));
  d.add_by("cp --reflink=always", d.cache.blob("a/b", bytes('w', big)), "c/d", 'a');
  const auto seen = d.look();
  const auto map = hubcache::map_disk(seen, d.pool);
  CHECK(near(big, map.total()));
  CHECK(map.freed_by(all_of_repo(seen, 0)) == 0);
}

TEST_CASE("compressed clones count once") {
  auto made = test::mounted::image("mkfs.btrfs -q", "512M");
  if (!made || !test::runs("mount -o remount,compress-force=zstd " + made->path())) return;
  disk d(std::move(made));
  d.cache.add("a/b", commit_of('a'), {{"w.txt", std::string(big, 'a')}});
  d.add_by("cp --reflink=always", d.cache.blob("a/b", std::string(big, 'a')), "c/d", 'a');
  const auto seen = d.look();
  const auto map = hubcache::map_disk(seen, d.pool);
  CHECK(near(big, map.total()));
  CHECK(map.freed_by(all_of_repo(seen, 0)) == 0);
  CHECK(map.freed_by({{true}, {true}}) == map.total());
}

TEST_CASE("files that are gone or replaced since the census count as it saw them") {
  auto made = test::mounted::image("mkfs.xfs -q -m reflink=1", "512M");
  if (!made) return;
  disk d(std::move(made));
  d.cache.add("a/b", commit_of('a'), {{"w.bin", bytes('w', big)}, {"v.bin", bytes('v', big)}});
  ::sync();
  const auto seen = d.look();
  fs::remove(seen.repos[0].contents[0].path);
  fs::rename(seen.repos[0].contents[1].path, *d.at / "kept");
  fs::create_directory(seen.repos[0].contents[1].path);
  CHECK(near(2.0 * big, hubcache::map_disk(seen, d.pool).total()));
}
