#include <hubcache/os/extents.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <fstream>
#include <string>
#include <support/mounted.hpp>
#include <support/temp_folder.hpp>

namespace os = hubcache::os;

namespace {

std::string write(const std::string& path, std::size_t bytes) {
  std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
  return path;
}

os::extent_list extents_of(const std::string& path) {
  std::error_code ec;
  auto result = os::read_extents(os::open_read(path, ec), ec);
  CHECK(!ec);
  return result;
}

std::uint64_t located(const os::extent_list& list) {
  std::uint64_t sum = 0;
  for (const auto& e : list.extents) sum += e.length;
  return sum;
}

std::optional<os::extent_space> space_of(const std::string& path) {
  std::error_code ec;
  return os::extent_space_of(os::open_read(path, ec));
}

}  // namespace

TEST_CASE("a clone has the extents of its source, marked as shared; a file of its own has others") {
  for (const auto* const mkfs : {"mkfs.btrfs -q", "mkfs.xfs -q -m reflink=1"}) {
    CAPTURE(mkfs);
    const auto disk = test::mounted::image(mkfs, "512M");
    if (!disk) continue;
    const auto a = write(*disk / "a", 1'000'000);
    const auto c = write(*disk / "c", 1'000'000);
    REQUIRE(test::runs("cp --reflink=always " + a + " " + *disk / "b"));
    const auto of_a = extents_of(a);
    REQUIRE(!of_a.extents.empty());
    CHECK(of_a.extents == extents_of(*disk / "b").extents);
    CHECK(of_a.extents.front().shared);
    CHECK(located(of_a) >= 1'000'000);
    CHECK(!extents_of(c).extents.front().shared);
    CHECK(extents_of(c).extents.front().physical != of_a.extents.front().physical);
    CHECK(space_of(a).has_value());
    CHECK(space_of(a) == space_of(c));
  }
}

TEST_CASE("subvolumes of one btrfs are one space, two file systems are two") {
  const auto disk = test::mounted::image("mkfs.btrfs -q", "256M");
  const auto other = test::mounted::image("mkfs.btrfs -q", "256M");
  if (!disk || !other) return;
  REQUIRE(test::runs("btrfs subvolume create " + *disk / "sub"));
  const auto outer = write(*disk / "a", 100'000);
  const auto inner = write(*disk / "sub/b", 100'000);
  CHECK(space_of(outer) == space_of(inner));
  CHECK(space_of(outer) != space_of(write(*other / "a", 100'000)));
}

TEST_CASE("file systems whose files share nothing have no space") {
  const auto memory = test::mounted::tmpfs("16M");
  if (memory) CHECK(!space_of(write(*memory / "a", 1000)));
  const auto disk = test::mounted::image("mkfs.ext4 -q", "64M");
  if (disk) CHECK(!space_of(write(*disk / "a", 1000)));
}

TEST_CASE("btrfs keeps tiny files without an address") {
  const auto disk = test::mounted::image("mkfs.btrfs -q", "256M");
  if (!disk) return;
  const auto tiny = extents_of(write(*disk / "tiny", 100));
  CHECK(tiny.extents.empty());
  CHECK(tiny.unlocated > 0);
}

TEST_CASE("compressed extents are told apart from plain ones") {
  const auto disk = test::mounted::image("mkfs.btrfs -q", "256M");
  if (!disk || !test::runs("mount -o remount,compress-force=zstd " + disk->path())) return;
  const auto list = extents_of(write(*disk / "zeros", 1'000'000));
  REQUIRE(!list.extents.empty());
  CHECK(list.extents.front().encoded);
}

TEST_CASE("holes are no extents, and a fragmented file has all of its own") {
  const auto disk = test::mounted::image("mkfs.xfs -q", "512M");
  if (!disk) return;
  constexpr int pieces = 1500;  // more than one call's worth
  std::error_code ec;
  const auto file = os::open_write(write(*disk / "sparse", pieces * 8192), ec);
  os::sync(file, ec);
  for (int i = 0; i < pieces; ++i) {
    REQUIRE(::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * 8192L, 4096) == 0);
  }
  const auto list = os::read_extents(file, ec);
  CHECK(!ec);
  CHECK(list.extents.size() == pieces);
  CHECK(located(list) == pieces * 4096U);
  const auto limited = os::read_extents(file, ec, 3);
  CHECK(ec == std::errc::value_too_large);
  CHECK(limited.extents.empty());
}

TEST_CASE("where nothing is told of extents, that is an error") {
  const auto memory = test::mounted::tmpfs("16M");
  if (!memory) return;
  std::error_code ec;
  const auto list = os::read_extents(os::open_read(write(*memory / "a", 1000), ec), ec);
  CHECK(ec);
  CHECK(list.extents.empty());
}
