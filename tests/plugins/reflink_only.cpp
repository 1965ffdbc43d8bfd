#include <doctest/doctest.h>

#include <reflink_only.hpp>

#include "conformance/link_strategy.hpp"
#include "support/mounted.hpp"

using hubcache::link_kind;
using plugins::reflink_only;
using plugins::reflink_refusal;

TEST_CASE("reflink_only keeps the contract of link_strategy on Btrfs and on XFS") {
  for (const auto* mkfs : {"mkfs.btrfs -q", "mkfs.xfs -q -m reflink=1"}) {
    const auto disk = test::mounted::image(mkfs, "300M");
    if (!disk) continue;
    CHECK(test::check_link_strategy(reflink_only(), link_kind::reflink, disk->path(), disk->path()));
  }
}

TEST_CASE(
    "where there are no reflinks, reflink_only links nothing and says why, once tried or a hundred times") {
  const auto disk = test::mounted::tmpfs("16M");
  if (!disk) return;
  const reflink_only strategy;
  CHECK_FALSE(test::check_link_strategy(strategy, link_kind::reflink, disk->path(), disk->path()));
  const auto source = disk->folder("from") + "/source";
  std::ofstream(source) << "content";
  for (int i = 0; i < 3; ++i) {
    std::error_code ec;
    const auto report =
        strategy.link(test::open_source(source), {*disk / "want", 0644}, link_kind::reflink, ec);
    CHECK_FALSE(report.used);
    CHECK(ec == reflink_refusal::impossible_here);
    CHECK(ec == std::errc::operation_not_supported);
    CHECK(ec.message().find("only reflinks are made here") == 0);
    REQUIRE(report.refusals.size() == 1);
    CHECK(report.refusals[0].kind == link_kind::reflink);
  }
}

TEST_CASE("reflink_only refuses other kinds in its own words") {
  std::error_code ec;
  const auto report = reflink_only().link({}, {"/nowhere", 0644}, link_kind::hard_link | link_kind::copy, ec);
  CHECK_FALSE(report.used);
  CHECK(ec == reflink_refusal::not_wanted);
  CHECK(hubcache::classify(ec) == hubcache::link_failure::capability);
}
