#include <hubcache/link/unpublished.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>
#include <support/temp_folder.hpp>

using hubcache::detail::mode_within;

namespace {

std::uint32_t within(std::uint32_t mode, std::uint32_t source_mode, bool same_group) {
  hubcache::os::file_status source;
  source.mode = source_mode;
  source.group = 100;
  return mode_within(mode, source, same_group ? 100 : 200);
}

}  // namespace

TEST_CASE("A new file lets nobody read whom its source keeps out") {
  CHECK(within(0644, 0644, false) == 0644);
  CHECK(within(0644, 0444, true) == 0644);
  CHECK(within(0444, 0600, true) == 0400);
  CHECK(within(0666, 0640, true) == 0660);
  CHECK(within(0666, 0640, false) == 0600);  // another group than the source's
  CHECK(within(0666, 0604, true) == 0600);   // the source's group is kept out, and "others" would let it in
  CHECK(within(0600, 0644, true) == 0600);   // never more than asked for
  CHECK(within(0777, 0711, true) == 0700);   // a bit that is not for reading opens nothing
}

TEST_CASE("A file made for publishing has the mode asked for, whatever the umask") {
  const test::temp_folder folder;
  const auto source = test::open_source(folder.write("source", "bytes"));
  const hubcache::link_target want(folder / "want", 0666);
  hubcache::detail::unpublished made(want);
  std::error_code ec;
  const auto file = made.create(source, ec);
  REQUIRE(!ec);
  CHECK(hubcache::os::status(file, ec).mode == 0666);
}

TEST_CASE("An unpublished file is named as Hub clients name leftovers, and goes with its object") {
  const test::temp_folder folder, to;
  const auto source = test::open_source(folder.write("source", "bytes"));
  const hubcache::link_target want(to / "want", 0644);
  {
    hubcache::detail::unpublished made(want);
    std::error_code ec;
    const auto file = made.create(source, ec);
    REQUIRE(test::names_in(to.path()) == 1);
    const auto name = std::filesystem::directory_iterator(to.path())->path().filename().string();
    CHECK(name.starts_with("want."));
    CHECK(name.ends_with(".incomplete"));
    CHECK(name.size() == std::string_view("want.01234567.incomplete").size());
  }
  CHECK(test::names_in(to.path()) == 0);
}

TEST_CASE("A rename to a new name never replaces, neither at once nor by a link") {
  using rename_function = void (*)(const std::string&, const std::string&, std::error_code&);
  const rename_function at_once = hubcache::detail::rename_new;
  const rename_function by_link = hubcache::detail::rename_new_by_link;
  for (const auto rename : {at_once, by_link}) {
    const test::temp_folder folder;
    const auto from = folder.write("from", "new");
    const auto taken = folder.write("taken", "old");
    std::filesystem::create_symlink("nowhere", folder / "dangling");
    std::error_code ec;
    for (const auto& to : {taken, folder / "dangling"}) {
      rename(from, to, ec);
      CHECK(ec == std::errc::file_exists);
    }
    CHECK(test::read_file(from) == "new");
    CHECK(test::read_file(taken) == "old");
    rename(from, folder / "to", ec);
    CHECK(!ec);
    CHECK(test::read_file(folder / "to") == "new");
    CHECK(!test::exists(from));
  }
}
