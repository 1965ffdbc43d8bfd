// The strategies on real file systems.
#include <hubcache/link/first_of.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <conformance/link_strategy.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <support/child_process.hpp>
#include <support/mounted.hpp>
#include <unistd.h>

using hubcache::auto_link_kinds;
using hubcache::link_kind;
using test::mounted;
using test::runs;

namespace {

/// A file with a flag of chattr, which would keep it from being removed.
struct flagged {
  flagged(const std::string& path, const std::string& flag) : path_(path), flag_(flag) {
    REQUIRE(runs("chattr +" + flag + " " + path));
  }
  flagged(const flagged&) = delete;
  flagged& operator=(const flagged&) = delete;
  ~flagged() { runs("chattr -" + flag_ + " " + path_); }

 private:
  std::string path_;
  std::string flag_;
};

/// Links a new file with `bytes` from one folder to another by the default ladder.
struct linked {
  linked(const hubcache::default_link& strategy, const std::string& from, const std::string& to,
         const std::string& bytes = test::linkable_bytes())
      : source(from + "/source"), target(to + "/linked") {
    std::ofstream(source, std::ios::binary) << bytes;
    link(strategy);
  }
  void link(const hubcache::default_link& strategy) {
    report = strategy.link(test::open_source(source), {target, 0644}, auto_link_kinds, ec);
  }
  /// Why `kind` was refused; 0 if it was not.
  [[nodiscard]] int refusal(link_kind kind) const {
    for (const auto& refused : report.refusals) {
      if (refused.kind == kind) return refused.reason.value();
    }
    return 0;
  }

  std::string source;
  std::string target;
  hubcache::link_report report;
  std::error_code ec;
};

void check_all_strategies(const mounted& disk, bool reflinks) {
  CHECK(test::check_link_strategy(hubcache::reflink{}, link_kind::reflink, disk.path(), disk.path()) ==
        reflinks);
  CHECK(test::check_link_strategy(hubcache::hard_link{}, link_kind::hard_link, disk.path(), disk.path()));
  CHECK(test::check_link_strategy(hubcache::symlink{}, link_kind::symlink, disk.path(), disk.path()));
  CHECK(test::check_link_strategy(hubcache::copy{}, link_kind::copy, disk.path(), disk.path()));
  const hubcache::default_link ladder;
  CHECK(test::check_link_strategy(ladder, auto_link_kinds, disk.path(), disk.path()));
}

constexpr auto btrfs = "mkfs.btrfs -q";
constexpr auto xfs = "mkfs.xfs -q -m reflink=1";
constexpr auto ext4 = "mkfs.ext4 -q";

}  // namespace

TEST_CASE("btrfs: all strategies keep their contract, and clones cross subvolumes where hard links do not") {
  const auto disk = mounted::image(btrfs, "128M");
  if (!disk) return;
  check_all_strategies(*disk, true);

  REQUIRE(runs("btrfs subvolume create " + *disk / "other"));
  const hubcache::default_link strategy;
  const linked crossed(strategy, disk->path(), *disk / "other");
  CHECK(crossed.report.used == link_kind::reflink);
  std::error_code ec;
  (void)hubcache::hard_link{}.link(test::open_source(crossed.source), {crossed.target + "2", 0644},
                                   auto_link_kinds, ec);
  CHECK(ec == std::errc::cross_device_link);
}

TEST_CASE("btrfs: a file without copy-on-write is hard-linked, and the next one cloned") {
  const auto disk = mounted::image(btrfs, "128M");
  if (!disk) return;
  const auto plain = disk->folder("plain"), to = disk->folder("to"), to2 = disk->folder("to2");
  const auto no_cow = disk->folder("no-cow");
  REQUIRE(runs("chattr +C " + no_cow));
  const hubcache::default_link strategy;
  const linked first(strategy, no_cow, to);
  CHECK(first.report.used == link_kind::hard_link);
  CHECK(first.refusal(link_kind::reflink) == EINVAL);
  CHECK(linked(strategy, plain, to2).report.used == link_kind::reflink);
}

TEST_CASE("xfs: all strategies keep their contract, and an edit of a clone does not reach the source") {
  const auto disk = mounted::image(xfs, "300M");
  if (!disk) return;
  check_all_strategies(*disk, true);

  const auto bytes = test::linkable_bytes();
  const linked cloned(hubcache::default_link{}, disk->folder("from"), disk->folder("to"), bytes);
  REQUIRE(cloned.report.used == link_kind::reflink);
  std::fstream(cloned.target, std::ios::in | std::ios::out) << "edited";
  CHECK(test::read_file(cloned.target).starts_with("edited"));
  CHECK(test::read_file(cloned.source) == bytes);
}

TEST_CASE("ext4: all strategies but the reflink work; the default is a hard link") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  check_all_strategies(*disk, false);
  const linked made(hubcache::default_link{}, disk->folder("from"), disk->folder("to"));
  CHECK(made.report.used == link_kind::hard_link);
  CHECK(made.refusal(link_kind::reflink) == EOPNOTSUPP);
}

TEST_CASE("tmpfs: all strategies but the reflink work; tiny files are copied") {
  const auto disk = mounted::tmpfs("64M");
  if (!disk) return;
  check_all_strategies(*disk, false);
  const linked tiny(hubcache::default_link{}, disk->folder("from"), disk->folder("to"), "tiny");
  CHECK(tiny.report.used == link_kind::copy);
}

TEST_CASE("Between file systems content is copied, and the refusals say why") {
  const auto disk = mounted::image(ext4, "64M");
  const auto memory = mounted::tmpfs("64M");
  if (!disk || !memory) return;
  const hubcache::default_link strategy;
  CHECK(test::check_link_strategy(strategy, auto_link_kinds, disk->path(), memory->path()));
  const linked made(strategy, disk->path(), memory->path());
  CHECK(made.report.used == link_kind::copy);
  CHECK(made.refusal(link_kind::reflink) != 0);
  CHECK(made.refusal(link_kind::hard_link) == EXDEV);
}

TEST_CASE("A bind mount refuses a hard link, which is made within the file system afterwards") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  const auto from = disk->folder("from"), bound = disk->folder("bound"), to = disk->folder("to");
  REQUIRE(::mount(to.c_str(), bound.c_str(), nullptr, MS_BIND, nullptr) == 0);
  const hubcache::default_link strategy;
  linked made(strategy, from, bound);
  CHECK(made.report.used == link_kind::copy);
  CHECK(made.refusal(link_kind::hard_link) == EXDEV);
  made.target = to + "/within";
  made.link(strategy);
  CHECK(made.report.used == link_kind::hard_link);
  ::umount2(bound.c_str(), MNT_DETACH);
}

TEST_CASE("overlayfs: all strategies keep their contract, and a file of the lower layer is linked unharmed") {
  const auto lower = mounted::image(ext4, "64M");
  const auto upper = mounted::image(ext4, "64M");
  if (!lower || !upper) return;
  const auto bytes = test::linkable_bytes();
  std::ofstream(*lower / "source", std::ios::binary) << bytes;
  const auto disk = mounted::overlay(lower->path(), upper->folder("upper"), upper->folder("work"));
  if (!disk) return;
  check_all_strategies(*disk, false);

  const auto source = test::open_source(*disk / "source");
  const hubcache::default_link strategy;
  std::error_code ec;
  const auto report = strategy.link(source, {*disk / "linked", 0644}, auto_link_kinds, ec);
  CHECK(!ec);
  CHECK(report.used);
  CHECK(test::read_file(*disk / "linked") == bytes);
  CHECK(test::read_file(*lower / "source") == bytes);
}

TEST_CASE("A full disk leaves nothing behind") {
  const auto disk = mounted::tmpfs("1M");
  if (!disk) return;
  const test::temp_folder from;
  const linked made(hubcache::default_link{}, from.path(), disk->path(), test::patterned(2U << 20U));
  CHECK(!made.report.used);
  CHECK(made.ec == std::errc::no_space_on_device);
  CHECK(test::names_in(disk->path()) == 0);
}

TEST_CASE("A read-only folder gets no link of any kind") {
  const auto disk = mounted::tmpfs("8M");
  if (!disk) return;
  const test::temp_folder from;
  REQUIRE(::mount("none", disk->path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  const linked made(hubcache::default_link{}, from.path(), disk->path());
  CHECK(!made.report.used);
  CHECK(made.ec == std::errc::read_only_file_system);
  CHECK(made.report.refusals.size() == 1);
}

TEST_CASE("What was refused once is reported of every later file as well") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  const hubcache::default_link strategy;
  const linked first(strategy, disk->folder("from"), disk->folder("to"));
  const linked second(strategy, disk->folder("from2"), disk->folder("to2"));
  CHECK(first.refusal(link_kind::reflink) == EOPNOTSUPP);
  CHECK(second.refusal(link_kind::reflink) == EOPNOTSUPP);
}

TEST_CASE("ext4: a file with as many links as there can be is copied, and the next one linked") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  const auto from = disk->folder("from"), names = disk->folder("names");
  const auto path = from + "/source";
  std::ofstream(path, std::ios::binary) << test::linkable_bytes();
  int made = 1;
  while (::link(path.c_str(), (names + "/" + std::to_string(made)).c_str()) == 0) ++made;
  CHECK(errno == EMLINK);
  CHECK(made == 65'000);
  const hubcache::default_link strategy;
  std::error_code ec;
  const auto report = strategy.link(test::open_source(path), {*disk / "linked", 0644}, auto_link_kinds, ec);
  CHECK(report.used == link_kind::copy);
  REQUIRE(report.refusals.size() == 2);
  CHECK(report.refusals[1].reason == std::errc::too_many_links);
  CHECK(linked(strategy, disk->folder("from2"), disk->folder("to2")).report.used == link_kind::hard_link);
}

TEST_CASE("Immutable and append-only files get no further name: they are cloned or copied") {
  for (const auto* mkfs : {ext4, btrfs}) {
    const auto disk = mounted::image(mkfs, "128M");
    if (!disk) return;
    const bool clones = mkfs == btrfs;
    const hubcache::default_link strategy;
    for (const auto* flag : {"i", "a"}) {
      const auto from = disk->folder(std::string("from-") + flag),
                 to = disk->folder(std::string("to-") + flag);
      std::ofstream(from + "/source", std::ios::binary) << test::linkable_bytes();
      const flagged source(from + "/source", flag);
      std::error_code ec;
      const auto report =
          strategy.link(test::open_source(from + "/source"), {to + "/linked", 0644}, auto_link_kinds, ec);
      CHECK(report.used == (clones ? link_kind::reflink : link_kind::copy));
      if (!clones) CHECK(report.refusals.back().reason == std::errc::operation_not_permitted);
      CHECK(test::read_file(to + "/linked") == test::linkable_bytes());
    }
  }
}

TEST_CASE("Read-only files of another user are cloned, or copied where the system protects hard links") {
  if (test::read_file("/proc/sys/fs/protected_hardlinks") != "1\n") return;
  constexpr uid_t nobody = 65'534;
  for (const auto* mkfs : {ext4, btrfs}) {
    const auto disk = mounted::image(mkfs, "128M");
    if (!disk) return;
    const auto from = disk->folder("from"), to = disk->folder("to");
    std::ofstream(from + "/source", std::ios::binary) << test::linkable_bytes();
    std::filesystem::permissions(from + "/source", std::filesystem::perms(0444));
    REQUIRE(::chown(to.c_str(), nobody, nobody) == 0);
    test::child_process user([&](const test::child_process::signal& tell) {
      if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) return tell('?');
      const hubcache::default_link strategy;
      hubcache::opened_file source;
      std::error_code ec;
      source.path = from + "/source";
      source.file = hubcache::os::open_read(source.path, ec);
      source.status = hubcache::os::status(source.file, ec);
      const auto report = strategy.link(source, {to + "/linked", 0644}, auto_link_kinds, ec);
      const bool protected_from = !report.refusals.empty() && report.refusals.back().reason.value() == EPERM;
      tell(report.used == link_kind::reflink                  ? 'r'
           : report.used == link_kind::copy && protected_from ? 'c'
                                                              : 'x');
    });
    CHECK(user.next_signal() == (mkfs == btrfs ? 'r' : 'c'));
    CHECK(test::read_file(to + "/linked") == test::linkable_bytes());
  }
}

TEST_CASE(
    "overlayfs: a hard link copies a lower file up, and is made only if the name is one of the same inode") {
  const auto lower = mounted::image(ext4, "64M");
  const auto upper = mounted::image(ext4, "64M");
  if (!lower || !upper) return;
  std::ofstream(*lower / "source", std::ios::binary) << test::linkable_bytes();
  const auto disk = mounted::overlay(lower->path(), upper->folder("upper"), upper->folder("work"));
  if (!disk) return;
  std::error_code ec;
  const auto report = hubcache::hard_link{}.link(test::open_source(*disk / "source"), {*disk / "hard", 0644},
                                                 link_kind::hard_link, ec);
  CHECK(test::exists(upper->path() + "/upper/source"));
  CHECK(report.used.has_value() == test::exists(*disk / "hard"));
  if (report.used) {
    CHECK(hubcache::os::status(*disk / "hard", ec).identity.inode ==
          hubcache::os::status(*disk / "source", ec).identity.inode);
    CHECK(test::read_file(*disk / "hard") == test::linkable_bytes());
  }
  CHECK(test::read_file(*disk / "source") == test::linkable_bytes());
  CHECK(test::names_in(disk->path()) == (report.used ? 3 : 2));  // with lost+found
}

TEST_CASE("Holes stay holes on every file system that knows them") {
  for (const auto* mkfs : {ext4, btrfs, xfs}) {
    const auto disk = mounted::image(mkfs, "400M");
    if (!disk) return;
    const auto path = *disk / "source";
    {
      std::ofstream file(path, std::ios::binary);
      file.seekp(64 << 20);
      file << test::linkable_bytes();
    }
    std::filesystem::resize_file(path, 128 << 20);
    std::error_code ec;
    CHECK(hubcache::copy{}.link(test::open_source(path), {*disk / "copied", 0644}, link_kind::copy, ec).used);
    const auto made = hubcache::os::status(*disk / "copied", ec);
    CHECK(made.identity.size == 128U << 20U);
    CHECK(made.allocated < 4U << 20U);
    CHECK(runs("cmp " + path + " " + *disk / "copied"));
  }
}

TEST_CASE("A full image gets nothing half-made, whatever the kind, and keeps its free space") {
  for (const auto* mkfs : {ext4, btrfs, xfs}) {
    const auto disk = mounted::image(mkfs, mkfs == xfs ? "300M" : "128M");
    if (!disk) return;
    const auto to = disk->folder("to");
    std::error_code ec;
    const auto free = hubcache::os::free_bytes(to, ec);
    const test::temp_folder from;
    const auto path = from.write("source", "");
    {
      // Not sparse, and not written: only its blocks count.
      const auto file = hubcache::os::open_write(path, ec);
      REQUIRE(::posix_fallocate(file.get(), 0, static_cast<off_t>(2 * free)) == 0);
    }
    const hubcache::default_link strategy;
    const auto report = strategy.link(test::open_source(path), {to + "/linked", 0644}, auto_link_kinds, ec);
    CHECK_FALSE(report.used);
    CHECK(ec == std::errc::no_space_on_device);
    CHECK(test::names_in(to) == 0);
    CHECK(hubcache::os::free_bytes(to, ec) > free / 2);
  }
}

TEST_CASE("A read-only bind mount gets no link, and the first refusal says so") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  const auto from = disk->folder("from"), bound = disk->folder("bound"), to = disk->folder("to");
  REQUIRE(::mount(to.c_str(), bound.c_str(), nullptr, MS_BIND, nullptr) == 0);
  REQUIRE(::mount("none", bound.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0);
  const linked made(hubcache::default_link{}, from, bound);
  CHECK_FALSE(made.report.used);
  CHECK(made.ec == std::errc::read_only_file_system);
  ::umount2(bound.c_str(), MNT_DETACH);
}
