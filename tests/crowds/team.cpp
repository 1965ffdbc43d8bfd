// Two users in one cache of their team at one moment: setgid folders, umask 002, a home for each.
#include <doctest/doctest.h>

#include <crowds/shell.hpp>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

constexpr unsigned team = 4242;

/// A cache that belongs to a team. Needs root.
struct office : test::shell {
  office() {
    fs::create_directories(cache);
    REQUIRE(::chown(cache.c_str(), 0, team) == 0);
    REQUIRE(::chmod(cache.c_str(), 02775) == 0);
    // Users may not reach the folder that it was built in.
    fs::copy_file(HUBCACHE_COMMAND, command);
    fs::permissions(command, fs::perms(0755));
  }

  std::unique_ptr<test::process> start_as(unsigned user, const std::string& words) {
    const auto id = std::to_string(user);
    const auto own = home / id;
    if (fs::create_directory(own)) REQUIRE(::chown(own.c_str(), user, user) == 0);
    auto variables = environment;
    variables["HOME"] = variables["HF_HOME"] = own;
    variables["HF_HUB_CACHE"] = cache;
    return std::make_unique<test::process>(
        std::vector<std::string>{"/bin/sh", "-c",
                                 "umask 002; exec setpriv --reuid=" + id + " --regid=" + id +
                                     " --groups=" + std::to_string(team) + " " + command + " " + words},
        std::move(variables));
  }

  std::string cache = home / "team";
  std::string command = home / "hubcache";
};

}  // namespace

TEST_CASE("two users who download into their team's cache at one moment both get whole snapshots") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: needs root");
    return;
  }
  office o;
  const auto files = test::joined(test::weights(1, 2, 5'000'000), embedded::many_files(60).files());
  const auto more = test::joined(test::weights(2, 2, 5'000'000), embedded::many_files(80).files());
  o.hub.put(test::repo_of("acme/base", files));
  o.hub.put(test::repo_of("acme/tuned", more));
  for (int round = 0; round < test::times(1, 20); ++round) {
    for (const auto& entry : fs::directory_iterator(o.cache)) fs::remove_all(entry);
    o.hub.log().clear();
    std::vector<std::unique_ptr<test::process>> all;
    for (unsigned i = 0; i < 8; ++i) {
      all.push_back(o.start_as(1001 + i % 2, i % 4 < 2 ? "download acme/base -q" : "download acme/tuned -q"));
    }
    for (auto& one : all) {
      const int code = one->wait();
      CHECK_MESSAGE(code == 0, one->err());
    }
    // Within a repo the Hub's locks exclude all users; across repos each user's own do.
    CHECK(o.hub.log().content_bytes_sent() <= test::distinct_bytes({files}) + test::distinct_bytes({more}));
    for (const unsigned user : {1001U, 1002U}) {
      for (const auto& [id, want] : {std::pair("acme/base", files), std::pair("acme/tuned", more)}) {
        o.hub.log().clear();
        const auto got = test::outcome_of(*o.start_as(user, "download " + std::string(id) + " -q --verify"));
        CHECK_MESSAGE(got.code == 0, got.err);
        CHECK(test::difference(test::last_line(got.out), want) == "");
        CHECK(o.hub.log().content_gets() == 0);
      }
      CHECK(test::outcome_of(*o.start_as(user, "cache verify")).code == 0);
    }
    for (const auto& entry : fs::recursive_directory_iterator(o.cache)) {
      CHECK_FALSE(entry.path().string().ends_with(".incomplete"));
    }
  }
}

TEST_CASE("what a killed user had begun, a colleague fetches anew, as his own") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: needs root");
    return;
  }
  office o;
  const auto files = test::weights(1, 1, 8'000'000);
  o.hub.put(test::repo_of("acme/base", files));
  o.hub.set_bytes_per_second(8'000'000);
  const auto child = o.start_as(1001, "download acme/base -q");
  const fs::path blobs = o.cache + "/models--acme--base/blobs";
  while (!fs::exists(blobs) || fs::is_empty(blobs)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  child->signal(SIGKILL);
  child->wait();
  o.hub.set_bytes_per_second(0);
  const auto got = test::outcome_of(*o.start_as(1002, "download acme/base -q"));
  CHECK_MESSAGE(got.code == 0, got.err);
  CHECK(test::difference(test::last_line(got.out), files) == "");
  struct stat s {};
  REQUIRE(::lstat((blobs / files.begin()->second.etag()).c_str(), &s) == 0);
  CHECK(s.st_uid == 1002);
}
