// The strategies on real file systems.
#include <hubcache/link/first_of.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <link/conformance.hpp>
#include <memory>
#include <string>
#include <support/mounted.hpp>

using hubcache::auto_link_kinds;
using hubcache::link_kind;
using test::mounted;
using test::runs;

namespace {

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
