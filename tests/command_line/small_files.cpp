// Many small files by the command: killed at any moment, and by several processes at once.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <thread>

namespace fs = std::filesystem;

namespace {

/// acme/many, and a user's home.
struct scene {
  explicit scene(std::size_t files) : repo(embedded::many_files(files)) { hub.put(repo); }

  [[nodiscard]] std::unique_ptr<test::process> start(const std::string& name = "acme/many",
                                                     const std::string& mode = "none") const {
    const std::vector<std::string> arguments{HUBCACHE_COMMAND, "download", name, "-q", "--fsync", mode};
    const std::map<std::string, std::string> environment{
        {"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
    return std::make_unique<test::process>(arguments, environment);
  }
  [[nodiscard]] fs::path folder() const { return home.path() / "hf/hub/models--acme--many"; }
  [[nodiscard]] bool is_published(const embedded::repo_file& file) const {
    return fs::exists(folder() / "blobs" / file.etag());
  }
  /// The files whose content was asked for.
  [[nodiscard]] std::set<std::string> asked_for() {
    std::set<std::string> paths;
    for (const auto& r : hub.log().records()) {
      const auto at = r.path.find("/resolve/");
      if (at != r.path.npos) paths.insert(r.path.substr(r.path.find('/', at + 9) + 1));
    }
    return paths;
  }
  /// Whether the snapshot whose path a command printed has every file with its bytes.
  [[nodiscard]] bool complete(const std::string& out) const {
    const fs::path snapshot = out.substr(0, out.find('\n'));
    return std::all_of(repo.files().begin(), repo.files().end(), [&](const auto& file) {
      return test::read_file(snapshot / file.first) == file.second.content.text();
    });
  }

  embedded::repo_model repo;
  embedded::hub hub;
  test::temp_folder home;
};

}  // namespace

TEST_CASE("after kill -9 amid small files the next run fetches only those that were not published") {
  int in_the_middle = 0;
  for (int round = 0; round < 6; ++round) {
    scene s(400);
    auto child = s.start("acme/many", round % 3 == 0 ? "batch" : "none");
    // Killed after so many requests: at any stage of a batch.
    const auto requests = static_cast<std::size_t>(10 + 65 * round);
    while (s.hub.log().content_gets() < requests) std::this_thread::yield();
    child->signal(SIGKILL);
    child->wait();
    std::set<std::string> missing;
    for (const auto& [path, file] : s.repo.files()) {
      if (!s.is_published(file)) missing.insert(path);
    }
    in_the_middle += !missing.empty() && missing.size() < s.repo.files().size() ? 1 : 0;

    s.hub.log().clear();
    const auto again = s.start();
    CHECK(again->wait() == 0);
    CAPTURE(again->err());
    CHECK(s.complete(again->out()));
    CHECK(s.asked_for() == missing);
  }
  CHECK(in_the_middle > 1);
}

TEST_CASE("a temporary that a killed process left is pruned") {
  scene s(400);
  auto child = s.start("acme/many", "batch");
  const auto left = [&] {
    for (const auto& entry : fs::directory_iterator(s.folder() / "blobs")) {
      if (entry.path().extension() == ".incomplete") return true;
    }
    return false;
  };
  while (s.hub.log().content_gets() == 0) std::this_thread::yield();
  while (!left()) std::this_thread::yield();
  child->signal(SIGKILL);
  child->wait();
  if (!left()) return;  // it was faster
  CHECK(s.start()->wait() == 0);
  test::process prune({HUBCACHE_COMMAND, "cache", "prune", "-y"}, {{"HF_HOME", s.home / "hf"}});
  CHECK(prune.wait() == 0);
  CAPTURE(prune.err());
  CHECK_FALSE(left());
}

TEST_CASE(
    "processes that fetch the same small files at once fetch each once, into one repo and into another") {
  scene s(500);
  s.hub.put(embedded::twin_of(s.repo));
  for (const bool other : {false, true}) {
    fs::remove_all(s.home / "hf");
    s.hub.log().clear();
    std::vector<std::unique_ptr<test::process>> crowd;
    for (int i = 0; i < 3; ++i) crowd.push_back(s.start(other && i > 0 ? "other/twin" : "acme/many"));
    for (auto& one : crowd) {
      CHECK(one->wait() == 0);
      CAPTURE(one->err());
      CHECK(s.complete(one->out()));
    }
    CHECK(s.hub.log().content_gets() == s.repo.files().size());
  }
}
