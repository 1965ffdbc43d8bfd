#include <hubcache/error.hpp>
#include <hubcache/link/hard_link.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>

using hubcache::hard_link;
using hubcache::link_kind;

TEST_CASE("A hard link keeps the contract of link_strategy") {
  CHECK(test::check_link_strategy(hard_link{}, link_kind::hard_link));
}

TEST_CASE("A hard link is another name of the same inode, its mode untouched") {
  const test::temp_folder folder;
  const auto path = folder.write("source", test::linkable_bytes());
  std::filesystem::permissions(path, std::filesystem::perms(0440));
  const auto source = test::open_source(path);
  std::error_code ec;
  CHECK(hard_link{}.link(source, {folder / "linked", 0644}, link_kind::hard_link, ec).used ==
        link_kind::hard_link);
  const auto made = hubcache::os::status(folder / "linked", ec);
  CHECK(made.identity.inode == source.status.identity.inode);
  CHECK(made.mode == 0440);
  CHECK(made.links == 2);
}

TEST_CASE("Tiny and empty files are never hard-linked") {
  const test::temp_folder folder;
  std::error_code ec;
  for (const std::size_t size : {std::size_t{0}, std::size_t{hard_link::smallest} - 1}) {
    const auto source =
        test::open_source(folder.write("tiny" + std::to_string(size), std::string(size, 'x')));
    CHECK(!hard_link{}.link(source, {folder / "linked", 0644}, link_kind::hard_link, ec).used);
    CHECK(ec == hubcache::errc::refused);
    CHECK(!test::exists(folder / "linked"));
  }
  const auto source = test::open_source(folder.write("enough", std::string(hard_link::smallest, 'x')));
  CHECK(hard_link{}.link(source, {folder / "linked", 0644}, link_kind::hard_link, ec).used);
}

TEST_CASE("A hard link is made of the open file, not of what has its path now") {
  const test::temp_folder folder;
  const auto bytes = test::linkable_bytes();
  const auto source = test::open_source(folder.write("source", bytes));
  std::filesystem::rename(source.path, folder / "moved");
  folder.write("source", test::patterned(70'000));
  std::error_code ec;
  (void)hard_link{}.link(source, {folder / "linked", 0644}, link_kind::hard_link, ec);
  CHECK(!ec);
  CHECK(test::read_file(folder / "linked") == bytes);
}

TEST_CASE("A file that lost its last name is not hard-linked, and neither is its successor") {
  const test::temp_folder folder;
  const auto source = test::open_source(folder.write("source", test::linkable_bytes()));
  std::filesystem::remove(source.path);
  std::error_code ec;
  CHECK(!hard_link{}.link(source, {folder / "linked", 0644}, link_kind::hard_link, ec).used);
  CHECK(hubcache::classify(ec) == hubcache::link_failure::stale);

  folder.write("source", test::patterned(70'000));
  CHECK(!hard_link{}.link(source, {folder / "linked", 0644}, link_kind::hard_link, ec).used);
  CHECK(ec == hubcache::errc::refused);
  CHECK(test::names_in(folder.path()) == 1);
}
