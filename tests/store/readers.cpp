#include <hubcache/store/readers.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <support/temp_folder.hpp>

namespace fs = std::filesystem;
using hubcache::is_shared_folder;
using hubcache::mode_for;
using hubcache::readers;
using hubcache::os::effective_user;
using hubcache::os::file_status;

namespace {

constexpr std::uint32_t alice = 1001, bob = 1002, staff = 2001, team = 2002;

file_status with(std::uint32_t mode, std::uint32_t owner = alice, std::uint32_t group = staff) {
  file_status status;
  status.mode = mode;
  status.owner = owner;
  status.group = group;
  return status;
}

readers of(std::uint32_t mode, std::uint32_t owner = alice, std::uint32_t group = staff) {
  return readers().through(with(mode, owner, group));
}

readers of_folder(const std::string& path) {
  std::error_code ec;
  auto result = readers::of_folder(path, ec);
  REQUIRE_FALSE(ec);
  return result;
}

}  // namespace

TEST_CASE("A group is among everybody, an owner among the group, and not the other way round") {
  CHECK(readers().within(readers()));
  CHECK(of(0444).within(readers()));
  CHECK(of(0440).within(of(0444)));
  CHECK(of(0400).within(of(0440)));
  CHECK_FALSE(of(0444).within(of(0440)));
  CHECK_FALSE(of(0440).within(of(0400)));
  CHECK_FALSE(readers().within(of(0400)));
}

TEST_CASE("Other groups and other owners are strangers; the superuser is none") {
  CHECK_FALSE(of(0440, alice, team).within(of(0440, alice, staff)));
  CHECK_FALSE(of(0400, bob).within(of(0400, alice)));
  CHECK_FALSE(of(0440, bob).within(of(0440, alice)));
  CHECK(of(0400, 0).within(of(0400, alice)));
  CHECK(of(0400, effective_user()).within(of(0400, alice)));
}

TEST_CASE("Who must pass several folders must pass each of them") {
  const auto both = of(0440, alice, staff).through(with(0440, alice, team));
  CHECK(both.within(of(0440, alice, staff)));
  CHECK(both.within(of(0440, alice, team)));
  CHECK_FALSE(of(0440, alice, staff).within(both));
}

TEST_CASE("Bits for the others without bits for the group keep the group out, and so count for nobody") {
  CHECK_FALSE(of(0444).within(of(0404)));
  CHECK(of(0404).within(of(0400)));
}

TEST_CASE("Every folder on the way counts, the real one behind a symlink too") {
  const test::temp_folder folder;
  folder.write("private/deep/file", "");
  const auto open = of_folder(folder / "private/deep");
  CHECK(readers().within(open));
  fs::permissions(folder / "private", fs::perms(0700));
  fs::create_directory_symlink(folder / "private/deep", folder / "link");
  for (const auto* path : {"private", "private/deep", "link"}) {
    CHECK_FALSE(readers().within(of_folder(folder / path)));
  }
  fs::permissions(folder / "private", fs::perms(0755));
  fs::permissions(folder / "private/deep", fs::perms(0744));  // listed by everybody, entered by none
  CHECK_FALSE(readers().within(of_folder(folder / "private/deep")));
  std::error_code ec;
  (void)readers::of_folder(folder / "missing", ec);
  CHECK(ec);
}

TEST_CASE("A new file's mode is the widest that lets nobody else read") {
  CHECK(mode_for(0644, staff, readers(), readers()) == 0644);
  CHECK(mode_for(0444, staff, readers(), of(0440)) == 0440);
  CHECK(mode_for(0444, team, readers(), of(0440)) == 0400);
  CHECK(mode_for(0664, staff, readers(), of(0400)) == 0600);
  CHECK(mode_for(0444, team, of(0440), of(0440)) == 0444);  // the folder keeps the others out
}

TEST_CASE("Folders of several users are setgid or writable to others, a user's own group aside") {
  CHECK(is_shared_folder(with(02755)));
  CHECK(is_shared_folder(with(0775)));
  CHECK(is_shared_folder(with(01777)));
  CHECK_FALSE(is_shared_folder(with(0755)));
  CHECK_FALSE(is_shared_folder(with(0775, alice, alice)));
}

TEST_CASE("A new file has its folder's group if that is setgid, else this process's") {
  const test::temp_folder folder;
  CHECK(hubcache::group_in(folder.path()) == hubcache::os::effective_group());
}
