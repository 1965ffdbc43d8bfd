// A file system without locks: flock(2) and fcntl(2) refuse. Nobody can be kept out, so nobody shares a file.
#include <doctest/doctest.h>

#include <cerrno>
#include <crowds/shell.hpp>
#include <filesystem>
#include <thread>

namespace fs = std::filesystem;

namespace {

struct lockless_shell : test::shell {
  explicit lockless_shell(int code) {
    environment["LD_PRELOAD"] = HUBCACHE_NO_LOCKS;
    environment["NO_LOCKS_ERRNO"] = std::to_string(code);
  }

  [[nodiscard]] std::vector<fs::path> partials(const std::string& id) const {
    std::vector<fs::path> found;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(repo_dir(id) / "blobs", none)) {
      if (entry.path().extension() == ".incomplete") found.push_back(entry.path());
    }
    return found;
  }
};

/// The preloaded library and the sanitizers' own do not go together.
bool can_preload() {
  if (HUBCACHE_SANITIZED == 0) return true;
  MESSAGE("skipped: sanitized builds preload nothing");
  return false;
}

}  // namespace

TEST_CASE(
    "where the file system has no locks, downloads side by side fill files of their own, and all end whole") {
  if (!can_preload()) return;
  for (const int code : {ENOLCK, EOPNOTSUPP}) {
    lockless_shell s(code);
    const auto files = test::joined(test::weights(1, 2, 5'000'000), embedded::many_files(40).files());
    s.hub.put(test::repo_of("acme/base", files));
    s.hub.set_bytes_per_second(20'000'000);
    std::vector<std::unique_ptr<test::process>> all;
    for (int i = 0; i < 6; ++i) all.push_back(s.start({"download", "acme/base", "-q"}));
    std::size_t most = 0;
    for (int i = 0; i < 400 && most < 3; ++i) {
      most = std::max(most, s.partials("acme/base").size());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(most > 2);  // two files, more partials
    for (auto& one : all) {
      const int ended = one->wait();
      CHECK_MESSAGE(ended == 0, one->err());
      CHECK(test::difference(test::last_line(one->out()), files) == "");
    }
    CHECK(s.run({"cache", "verify"}).code == 0);
    CHECK(s.partials("acme/base").empty());
    CHECK(s.strays() == std::vector<std::string>());
    // The index may have suffered; it only holds hints, and can be made anew.
    CHECK(s.run({"index", "rebuild"}).code == 0);
    CHECK(s.complaints() == "");
  }
}

TEST_CASE(
    "where the file system has no locks, prune leaves young partials alone, as somebody may fill them") {
  if (!can_preload()) return;
  lockless_shell s(ENOLCK);
  const auto files = test::weights(1, 1, 5'000'000);
  s.hub.put(test::repo_of("acme/base", files));
  s.hub.set_bytes_per_second(2'500'000);
  const auto child = s.start({"download", "acme/base", "-q"});
  while (s.partials("acme/base").empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  CHECK(s.run({"cache", "prune", "-y", "--older-than", "0"}).code <= 1);
  CHECK(s.partials("acme/base").size() == 1);
  CHECK_MESSAGE(child->wait() == 0, child->err());
  CHECK(test::difference(test::last_line(child->out()), files) == "");
}
