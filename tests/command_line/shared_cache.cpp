// One cache for a team: users of one group, setgid folders, umask 002.
#include <doctest/doctest.h>

#include <filesystem>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace fs = std::filesystem;

namespace {

constexpr unsigned team = 4242;

struct result {
  int code = 0;
  std::string err;
};

/// A cache that belongs to a team, and users with homes of their own. Needs root.
struct office {
  office() {
    hub.put(embedded::tiny());
    hub.put(embedded::twin_of(embedded::tiny()));
    fs::create_directories(cache);
    REQUIRE(::chown(cache.c_str(), 0, team) == 0);
    REQUIRE(::chmod(cache.c_str(), 02775) == 0);
    // Users may not reach the folder that it was built in.
    fs::copy_file(HUBCACHE_COMMAND, command);
    fs::permissions(command, fs::perms(0755));
  }

  result run(unsigned user, const std::string& repo, const std::string& umask = "002") {
    const auto id = std::to_string(user);
    const auto home = folder / id;
    if (fs::create_directory(home)) REQUIRE(::chown(home.c_str(), user, user) == 0);
    test::process child({"/bin/sh", "-c",
                         "umask " + umask + "; exec setpriv --reuid=" + id + " --regid=" + id +
                             " --groups=" + std::to_string(team) + " " + command + " download " + repo},
                        {{"HF_HOME", home}, {"HF_HUB_CACHE", cache}, {"HF_ENDPOINT", hub.endpoint()}});
    const int code = child.wait();
    return {code, child.err()};
  }

  embedded::hub hub;
  test::temp_folder folder;
  std::string cache = folder / "team";
  std::string command = folder / "hubcache";
};

struct stat stat_of(const fs::path& path) {
  struct stat s {};
  ::lstat(path.c_str(), &s);
  return s;
}

bool runs_as_root() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: needs root");
  return false;
}

}  // namespace

TEST_CASE("what one user publishes in a team's cache, the others read and write beside") {
  if (!runs_as_root()) return;
  office o;
  const auto first = o.run(1001, "acme/tiny");
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  for (const auto& entry : fs::recursive_directory_iterator(o.cache)) {
    CAPTURE(entry.path().string());
    const auto s = stat_of(entry.path());
    CHECK(s.st_gid == team);
    if (S_ISDIR(s.st_mode)) CHECK((s.st_mode & 07777U) == 02775U);
    if (S_ISREG(s.st_mode)) CHECK((s.st_mode & S_IRGRP) != 0);
    if (entry.path().extension() == ".lock") CHECK((s.st_mode & 0777U) == 0664U);
    if (entry.path().parent_path().filename() == "blobs") CHECK((s.st_mode & 0777U) == 0444U);
  }

  o.hub.log().clear();
  const auto same = o.run(1002, "acme/tiny");
  CAPTURE(same.err);
  CHECK(same.code == 0);
  CHECK(o.hub.log().content_gets() == 0);
  const auto twin = o.run(1002, "other/twin");
  CAPTURE(twin.err);
  CHECK(twin.code == 0);
  CHECK(o.hub.log().content_gets() == 0);
  CHECK(fs::exists(o.cache + "/models--other--twin/refs/main"));
}

TEST_CASE("a blob that a colleague made unreadable does not count as present, and is replaced") {
  if (!runs_as_root()) return;
  office o;
  REQUIRE(o.run(1001, "acme/tiny").code == 0);
  const auto blob =
      o.cache + "/models--acme--tiny/blobs/" + embedded::tiny().files().at("model.safetensors").etag();
  fs::permissions(blob, fs::perms(0400));
  const auto got = o.run(1002, "acme/tiny");
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(stat_of(blob).st_uid == 1002);
  CHECK((stat_of(blob).st_mode & 0777U) == 0444U);
}

TEST_CASE(
    "content of a private folder is fetched into a team's cache, not linked, and the user is told why") {
  if (!runs_as_root()) return;
  office o;
  const auto home = o.folder / "1001";
  fs::create_directory(home);
  REQUIRE(::chown(home.c_str(), 1001, 1001) == 0);
  fs::permissions(home, fs::perms(0700));
  auto team_cache = std::exchange(o.cache, home + "/private");
  REQUIRE(o.run(1001, "acme/tiny").code == 0);
  o.cache = team_cache;
  o.hub.log().clear();
  const auto got = o.run(1001, "acme/tiny");
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.err.find("is not linked: it is private") != std::string::npos);
  CHECK(o.hub.log().content_gets() > 0);
  const auto blob =
      o.cache + "/models--acme--tiny/blobs/" + embedded::tiny().files().at("model.safetensors").etag();
  CHECK((stat_of(blob).st_mode & 0777U) == 0444U);
}
