#include <hubcache/store/ledger.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <support/child_process.hpp>
#include <support/mounted.hpp>
#include <support/temp_folder.hpp>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

using hubcache::ledger;
using hubcache::pin;
using hubcache::os::lock_mode;

namespace {

constexpr const char* folder = "models--acme--llm";
const std::string commit(40, 'a');

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// A file system that can lose what was not synced.
class crashing_disk {
 public:
  crashing_disk() {
    made_ = test::has_private_mounts() && std::filesystem::create_directory(path()) &&
            test::runs("truncate -s 64M " + image_) && test::runs("mkfs.ext4 -q " + image_);
  }
  ~crashing_disk() { ::umount2(path().c_str(), MNT_DETACH); }
  crashing_disk(const crashing_disk&) = delete;
  crashing_disk& operator=(const crashing_disk&) = delete;

  [[nodiscard]] std::string path() const { return files_ / "mounted"; }
  [[nodiscard]] bool mount() const { return made_ && test::runs("mount -o loop " + image_ + " " + path()); }
  /// Ends it as a power failure would.
  [[nodiscard]] bool crash() const {
    constexpr auto shut_down = _IOR('X', 125, std::uint32_t);  // linux/fs.h: FS_IOC_SHUTDOWN
    std::uint32_t keep_no_log = 2;
    const int fd = ::open(path().c_str(), O_RDONLY | O_CLOEXEC);
    const bool done = ::ioctl(fd, shut_down, &keep_no_log) == 0;
    ::close(fd);
    return done && ::umount2(path().c_str(), 0) == 0;
  }

 private:
  test::temp_folder files_;
  std::string image_ = files_ / "image";
  bool made_ = false;
};

}  // namespace

TEST_CASE("a use is recorded, renewed and forgotten; none is recorded at first") {
  const test::temp_folder home;
  const ledger book(home / "state");
  CHECK_FALSE(book.last_use(home / "hub", folder, commit));
  const auto before = now_ns();
  book.note_use(home / "hub", folder, commit);
  const auto first = book.last_use(home / "hub", folder, commit);
  REQUIRE(first);
  CHECK(*first > before - 1'000'000'000);
  const auto past = std::filesystem::file_time_type::clock::now() - std::chrono::hours(48);
  for (const auto& e : std::filesystem::recursive_directory_iterator(home / "state/used")) {
    if (e.is_regular_file()) std::filesystem::last_write_time(e.path(), past);
  }
  CHECK(*book.last_use(home / "hub", folder, commit) < before - 40LL * 3600 * 1'000'000'000);
  book.note_use(home / "hub", folder, commit);
  CHECK(*book.last_use(home / "hub", folder, commit) >= *first);
  book.forget_use(home / "hub", folder, commit);
  CHECK_FALSE(book.last_use(home / "hub", folder, commit));
}

TEST_CASE("a use is of one snapshot in one cache, however the cache is reached") {
  const test::temp_folder home;
  std::filesystem::create_directories(home / "hub");
  std::filesystem::create_directory_symlink(home / "hub", home / "link");
  const ledger book(home / "state");
  book.note_use(home / "link", folder, commit);
  CHECK(book.last_use(home / "hub", folder, commit));
  CHECK_FALSE(book.last_use(home / "hub", folder, std::string(40, 'b')));
  CHECK_FALSE(book.last_use(home / "hub", "models--acme--other", commit));
  CHECK_FALSE(book.last_use(home / "other", folder, commit));
}

TEST_CASE("a use that cannot be recorded is no failure") {
  const test::temp_folder home;
  const ledger book(home.write("file", "") + "/state");
  book.note_use(home / "hub", folder, commit);
  book.forget_use(home / "hub", folder, commit);
  CHECK_FALSE(book.last_use(home / "hub", folder, commit));
}

TEST_CASE("pins come back as they were given, sorted, and can be taken away once") {
  const test::temp_folder home;
  const ledger book(home / "state");
  std::error_code ec;
  CHECK(book.pins(home / "hub").pins.empty());
  book.add_pin(pin(home / "hub", "model/b/x", "refs/pr/1"), ec);
  CHECK(!ec);
  book.add_pin(pin(home / "hub", "model/a/\"quoted\"", ""), ec);
  book.add_pin(pin(home / "hub", "model/b/x", ""), ec);
  book.add_pin(pin(home / "hub", "model/b/x", ""), ec);
  book.add_pin(pin(home / "elsewhere", "model/b/x", ""), ec);
  const auto list = book.pins(home / "hub");
  CHECK(list.problems.empty());
  REQUIRE(list.pins.size() == 3);
  CHECK(list.pins[0].repo == "model/a/\"quoted\"");
  CHECK(list.pins[1].revision.empty());
  CHECK(list.pins[2].revision == "refs/pr/1");
  CHECK(list.pins[2].cache_dir == std::filesystem::canonical(home.path()).string() + "/hub");
  CHECK(list.pins[2].pinned_at > now_ns() / 1'000'000'000 - 60);
  CHECK(book.remove_pin(pin(home / "hub", "model/b/x", ""), ec));
  CHECK_FALSE(book.remove_pin(pin(home / "hub", "model/b/x", ""), ec));
  CHECK(!ec);
  CHECK(book.pins(home / "hub").pins.size() == 2);
}

TEST_CASE("what is no pin is told, with what to do") {
  const test::temp_folder home;
  const ledger book(home / "state");
  std::error_code ec;
  book.add_pin(pin(home / "hub", "model/b/x", "main"), ec);
  home.write("state/pins/empty.json", "");
  home.write("state/pins/number.json", "{\"cache_dir\": 1}");
  home.write("state/pins/relative.json", R"({"cache_dir": "hub", "repo": "model/x"})");
  home.write("state/pins/large.json", std::string(1 << 20, ' '));
  std::filesystem::create_directory(home / "state/pins/folder");
  std::filesystem::create_symlink("/etc/passwd", home / "state/pins/link");
  const auto list = book.pins(home / "hub");
  CHECK(list.pins.size() == 1);
  REQUIRE(list.problems.size() == 6);
  for (const auto& text : list.problems) {
    CHECK(text.find("state/pins/") != text.npos);
    CHECK(text.find("repair it, or remove it and pin again") != text.npos);
  }
}

TEST_CASE("a pin survives a crash of the machine") {
  crashing_disk disk;
  if (!disk.mount()) {
    MESSAGE("skipped: needs root, loop devices and mkfs.ext4");
    return;
  }
  const ledger book(disk.path() + "/state");
  std::error_code ec;
  book.add_pin(pin("/hub", "model/b/x", "main"), ec);
  CHECK(!ec);
  if (!disk.crash()) {
    MESSAGE("skipped: needs a kernel that can shut a file system down");
    return;
  }
  REQUIRE(disk.mount());
  CHECK(book.pins("/hub").pins.size() == 1);
  CHECK(book.pins("/hub").problems.empty());
}

TEST_CASE("leases are shared by those who work and refused to who removes; they end with their process") {
  const test::temp_folder home;
  const ledger book(home / "state");
  CHECK_FALSE(book.is_leased(home / "hub", folder));
  std::error_code ec;
  test::child_process other([&](const test::child_process::signal& say) {
    std::error_code failure;
    const auto lease = ledger(home / "state").try_lease(home / "hub", folder, lock_mode::shared, failure);
    say(lease ? 'y' : 'n');
  });
  REQUIRE(other.next_signal() == 'y');
  CHECK(book.is_leased(home / "hub", folder));
  CHECK_FALSE(book.is_leased(home / "hub", "models--acme--other"));
  {
    const auto mine = book.try_lease(home / "hub", folder, lock_mode::shared, ec);
    CHECK(mine);
    CHECK_FALSE(book.try_lease(home / "hub", folder, lock_mode::exclusive, ec));
    CHECK(!ec);
  }
  other.kill();
  CHECK_FALSE(book.is_leased(home / "hub", folder));
  const auto alone = book.try_lease(home / "hub", folder, lock_mode::exclusive, ec);
  CHECK(alone);
  CHECK_FALSE(book.try_lease(home / "hub", folder, lock_mode::shared, ec));
}

TEST_CASE("a lease that is given back exclusively leaves no file") {
  const test::temp_folder home;
  const ledger book(home / "state");
  std::error_code ec;
  { const auto lease = book.try_lease(home / "hub", folder, lock_mode::exclusive, ec); }
  for (const auto& e : std::filesystem::recursive_directory_iterator(home / "state")) CHECK(e.is_directory());
}
