#include <hubcache/store/readers.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <support/temp_folder.hpp>
#include <sys/xattr.h>
#include <vector>

namespace fs = std::filesystem;
using hubcache::is_shared_folder;
using hubcache::mode_for;
using hubcache::readers;
using hubcache::os::access_entry;
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

/// Through a file of alice and staff with a list: bits for its owning group, and who else is named in it.
readers of_list(std::uint32_t mode, std::uint32_t group, std::vector<access_entry> named) {
  access_entry owning;
  owning.permissions = group;
  named.push_back(owning);
  return readers().through(with(mode), named);
}

access_entry entry(access_entry::subject of, std::uint32_t id, std::uint32_t permissions = 4) {
  access_entry result;
  result.of = of;
  result.id = id;
  result.permissions = permissions;
  return result;
}

/// Gives `path` a list that lets `user` in, as setfacl would; false where no list can be kept.
bool let_in(const std::string& path, std::uint32_t user, char permissions, const char* attribute) {
  std::string list("\2\0\0\0", 4);
  const auto add = [&list](char tag, char bits, std::uint32_t id) {
    list.append({tag, '\0', bits, '\0'});
    for (unsigned shift = 0; shift < 32; shift += 8) list += static_cast<char>(id >> shift & 0xFFU);
  };
  const auto nobody = ~std::uint32_t{0};
  add(0x01, 7, nobody);            // owner
  add(0x02, permissions, user);    // named user
  add(0x04, 0, nobody);            // owning group
  add(0x10, permissions, nobody);  // mask
  add(0x20, 0, nobody);            // others
  return ::setxattr(path.c_str(), attribute, list.data(), list.size(), 0) == 0;
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

TEST_CASE("Who is named in a list is let in, and nobody else by the bits that limit it") {
  using enum access_entry::subject;
  CHECK(of_list(0640, 4, {}).within(of(0640)));
  CHECK(of(0640).within(of_list(0640, 4, {})));
  const auto bobs = of_list(0640, 0, {entry(user, bob)});
  CHECK_FALSE(bobs.within(of(0640)));  // bob
  CHECK_FALSE(of(0640).within(bobs));  // staff
  CHECK(of(0600).within(bobs));
  CHECK(bobs.within(bobs));
  CHECK(bobs.within(readers()));
  CHECK(bobs.within(of_list(0640, 4, {entry(user, bob)})));
  const auto teams = of_list(0640, 4, {entry(group, team)});
  CHECK(of(0640).within(teams));
  CHECK_FALSE(teams.within(of(0640)));
  CHECK(of_list(0600, 4, {entry(user, bob)}).within(of(0600)));     // the mask lets nobody through
  CHECK(of_list(0640, 4, {entry(user, bob, 2)}).within(of(0640)));  // he may write, not read
}

TEST_CASE("A folder's list counts, and the one that new files get there") {
  const test::temp_folder folder;
  fs::create_directories(folder / "open/inner");
  fs::create_directories(folder / "closed");
  fs::permissions(folder / "closed", fs::perms(0700));
  fs::permissions(folder / "open", fs::perms(0700));
  CHECK(of_folder(folder / "open/inner").within(of_folder(folder / "closed")));
  if (!let_in(folder / "open", bob, 5, "system.posix_acl_access")) {
    MESSAGE("skipped: needs a file system with access control lists");
    return;
  }
  CHECK_FALSE(of_folder(folder / "open/inner").within(of_folder(folder / "closed")));
  CHECK(of_folder(folder / "closed").within(of_folder(folder / "open/inner")));

  std::error_code ec;
  CHECK(hubcache::os::inherited_access_list(folder / "closed", ec).empty());
  REQUIRE(let_in(folder / "closed", bob, 5, "system.posix_acl_default"));
  const auto inherited = hubcache::os::inherited_access_list(folder / "closed", ec);
  CHECK(!ec);
  CHECK(mode_for(0444, staff, readers(), of(0440), inherited) == 0400);
  CHECK(mode_for(0444, staff, readers(), readers(), inherited) == 0444);
}
