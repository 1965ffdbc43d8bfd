#include <hubcache/link/symlink.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>

using hubcache::link_kind;

TEST_CASE("A symlink keeps the contract of link_strategy") {
  CHECK(test::check_link_strategy(hubcache::symlink{}, link_kind::symlink));
}

TEST_CASE("A symlink points at the source's absolute path") {
  const test::temp_folder folder;
  const auto source = test::open_source(folder.write("source", "tiny"));
  std::error_code ec;
  const auto report = hubcache::symlink{}.link(source, {folder / "linked", 0}, link_kind::symlink, ec);
  CHECK(report.used == link_kind::symlink);
  CHECK(std::filesystem::read_symlink(folder / "linked", ec) == source.path);
}

TEST_CASE("A symlink is not made once its path leads to another file") {
  const test::temp_folder folder;
  const auto source = test::open_source(folder.write("source", "old"));
  std::filesystem::rename(folder.write("new", "new"), source.path);
  std::error_code ec;
  CHECK(!hubcache::symlink{}.link(source, {folder / "linked", 0}, link_kind::symlink, ec).used);
  CHECK(hubcache::classify(ec) == hubcache::link_failure::stale);
}

TEST_CASE("Symlinks are not among what is done unless asked for") {
  CHECK(!hubcache::auto_link_kinds.contains(link_kind::symlink));
}
