#include <hubcache/os/extents.hpp>
#include <hubcache/os/sharing.hpp>

#include <doctest/doctest.h>

#include <support/mounted.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/xattr.h>

namespace os = hubcache::os;
using test::mounted;

namespace {

std::string write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

os::descriptor opened(const std::string& path) {
  std::error_code ec;
  auto file = os::open_read(path, ec);
  REQUIRE(!ec);
  return file;
}

void check_sharing(const mounted& disk) {
  const std::string bytes = test::patterned(1'000'001);
  const auto kept = write(disk / "kept", bytes);
  const auto other = write(disk / "other", bytes);
  std::filesystem::permissions(other, std::filesystem::perms::owner_read);
  std::error_code ec;
  const auto before = os::status(other, ec).identity;
  CHECK(os::share_blocks(opened(kept), opened(other), 0, bytes.size(), ec) == os::share_outcome::shared);
  CHECK(!ec);
  CHECK(os::status(other, ec).identity == before);
  const auto extents = os::read_extents(opened(other), ec).extents;
  CHECK(extents == os::read_extents(opened(kept), ec).extents);
  CHECK(!extents.empty());

  auto differing = bytes;
  differing[500'000] = static_cast<char>(differing[500'000] ^ 1);
  const auto third = write(disk / "third", differing);
  CHECK(os::share_blocks(opened(kept), opened(third), 0, bytes.size(), ec) == os::share_outcome::differs);
  CHECK(test::read_file(third) == differing);
  CHECK(os::can_share_blocks(disk.path()));
  CHECK(std::distance(std::filesystem::directory_iterator(disk.path()),
                      std::filesystem::directory_iterator()) == 3);
}

}  // namespace

TEST_CASE("btrfs: equal ranges share their blocks to the last byte, and the inode stays what it was") {
  if (const auto disk = mounted::image("mkfs.btrfs -q", "128M")) check_sharing(*disk);
}

TEST_CASE("xfs: equal ranges share their blocks to the last byte, and the inode stays what it was") {
  if (const auto disk = mounted::image("mkfs.xfs -q -m reflink=1", "300M")) check_sharing(*disk);
}

TEST_CASE("where blocks cannot be shared nothing happens, and it is known beforehand") {
  for (const auto* mkfs : {"mkfs.ext4 -q", "mkfs.xfs -q -m reflink=0"}) {
    const auto disk = mounted::image(mkfs, "300M");
    if (!disk) continue;
    CAPTURE(mkfs);
    CHECK(!os::can_share_blocks(disk->path()));
    const auto one = write(*disk / "one", "equal"), two = write(*disk / "two", "equal");
    std::error_code ec;
    CHECK(os::share_blocks(opened(one), opened(two), 0, 5, ec) == os::share_outcome::failed);
    CHECK(ec);
  }
  CHECK(!os::can_share_blocks("/proc"));
  CHECK(!os::can_share_blocks("/no/such/folder"));
}

TEST_CASE("extended attributes are compared by name and value") {
  const test::temp_folder home;
  const auto a = home.write("a", ""), b = home.write("b", "");
  const auto same = [&] {
    std::error_code ec;
    const bool result = os::same_attributes(opened(a), opened(b), ec);
    CHECK(!ec);
    return result;
  };
  CHECK(same());
  if (::setxattr(a.c_str(), "user.origin", "x", 1, 0) != 0) {
    MESSAGE("skipped: no extended attributes here");
    return;
  }
  CHECK(!same());
  ::setxattr(b.c_str(), "user.origin", "y", 1, 0);
  CHECK(!same());
  ::setxattr(b.c_str(), "user.origin", "x", 1, 0);
  CHECK(same());
}
