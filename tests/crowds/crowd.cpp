// Many processes at one moment in one home: every content crosses the network once, and nobody gets half of anything.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <crowds/shell.hpp>
#include <csignal>
#include <filesystem>
#include <string_view>
#include <thread>

namespace fs = std::filesystem;

namespace {

using crowd = std::vector<std::unique_ptr<test::process>>;

/// Waits for all of them; what those said that failed.
std::string failures(crowd& all) {
  std::string text;
  for (auto& one : all) {
    const int code = one->wait();
    if (code != 0) text += "exit code " + std::to_string(code) + ": " + one->err() + one->out();
  }
  return text;
}

/// Bytes of content that the Hub sent to hubcache.
std::uint64_t bytes_to_hubcache(test::shell& s) {
  std::uint64_t sum = 0;
  for (const auto& record : s.hub.log().records()) {
    if (record.content && record.user_agent.starts_with("hubcache/")) sum += record.body_bytes;
  }
  return sum;
}

/// The snapshot of `id` on the branch main, by the cache alone.
fs::path snapshot_of(const test::shell& s, const std::string& id) {
  return s.repo_dir(id) / "snapshots" / test::read_file(s.repo_dir(id) / "refs/main");
}

/// Three repos of which each shares contents with the next.
std::vector<std::pair<std::string, embedded::file_map>> overlapping() {
  return {{"acme/base", test::joined(test::weights(1, 2, 5'000'000), embedded::many_files(40).files())},
          {"acme/tuned", test::joined(test::weights(2, 2, 5'000'000), embedded::many_files(60).files())},
          {"other/merged", test::joined(test::weights(3, 3, 5'000'000), test::weights(100, 8, 90'000))}};
}

std::uint64_t put_overlapping(test::shell& s) {
  std::vector<embedded::file_map> all;
  for (const auto& [id, files] : overlapping()) {
    s.hub.put(test::repo_of(id, files));
    all.push_back(files);
  }
  return test::distinct_bytes(all);
}

/// Starts `snapshotDownload` of @huggingface/hub; null, and says so, where that cannot be installed.
std::unique_ptr<test::process> start_huggingface_js(const test::shell& s, const std::string& id) {
  const std::string folder = HUBCACHE_INTEROP_FOLDER;
  const std::string tests = HUBCACHE_TESTS_FOLDER;
  if (std::system((tests + "/interop/install.sh '" + folder + "' >/dev/null 2>&1").c_str()) != 0) {
    MESSAGE("skipped in part: @huggingface/hub cannot be installed");
    return nullptr;
  }
  return std::make_unique<test::process>(
      std::vector<std::string>{"/usr/bin/env", "node", tests + "/crowds/download.mjs", folder,
                               s.hub.endpoint(), id, s.hf / "hub"},
      s.environment);
}

/// Runs `body` beside the test until it is destroyed.
class beside {
 public:
  template <class Body>
  explicit beside(Body body)
      : thread_([this, body] {
          while (!done_) body();
        }) {}
  beside(const beside&) = delete;
  beside& operator=(const beside&) = delete;
  ~beside() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("32 processes for one repo at one moment fetch every content once, and all have it") {
  test::shell s;
  const auto files = overlapping().front().second;
  s.hub.put(test::repo_of("acme/base", files));
  for (int round = 0; round < test::times(1, 20); ++round) {
    fs::remove_all(s.hf);
    s.hub.log().clear();
    crowd all;
    for (int i = 0; i < 32; ++i) all.push_back(s.start({"download", "acme/base", "-q"}));
    CHECK(failures(all) == "");
    for (const auto& one : all) CHECK(test::difference(test::last_line(one->out()), files) == "");
    CHECK(s.hub.log().content_bytes_sent() == test::distinct_bytes({files}));
    CHECK(s.complaints() == "");
    CHECK(s.strays() == std::vector<std::string>());
  }
}

TEST_CASE("32 processes for repos that overlap fetch what these share once") {
  test::shell s;
  const auto distinct = put_overlapping(s);
  for (int round = 0; round < test::times(1, 20); ++round) {
    fs::remove_all(s.hf);
    s.hub.log().clear();
    crowd all;
    for (std::size_t i = 0; i < 32; ++i)
      all.push_back(s.start({"download", overlapping()[i % 3].first, "-q"}));
    CHECK(failures(all) == "");
    CHECK(s.hub.log().content_bytes_sent() == distinct);
    for (const auto& [id, files] : overlapping()) CHECK(test::difference(snapshot_of(s, id), files) == "");
    CHECK(s.complaints() == "");
    CHECK(s.strays() == std::vector<std::string>());
  }
}

TEST_CASE("beside @huggingface/hub, which takes no locks, all end with whole snapshots") {
  test::shell s;
  const auto distinct = put_overlapping(s);
  for (int round = 0; round < test::times(1, 20); ++round) {
    fs::remove_all(s.hf);
    s.hub.log().clear();
    crowd all;
    crowd foreign;
    for (std::size_t i = 0; i < 16; ++i) {
      const auto id = overlapping()[i % 3].first;
      if (i < 3) {
        auto client = start_huggingface_js(s, id);
        if (!client) return;
        foreign.push_back(std::move(client));
      }
      all.push_back(s.start({"download", id, "-q"}));
    }
    CHECK(failures(all) == "");
    CHECK(failures(foreign) == "");
    CHECK(bytes_to_hubcache(s) <= distinct);
    for (const auto& [id, files] : overlapping()) CHECK(test::difference(snapshot_of(s, id), files) == "");
    CHECK(s.complaints() == "");
    CHECK(s.run({"cache", "prune", "-y"}).code == 0);
    CHECK(s.strays() == std::vector<std::string>());
  }
}

TEST_CASE("who reads while others write sees no half file, and is not disturbed") {
  test::shell s;
  put_overlapping(s);
  REQUIRE(s.download("acme/base") == "");
  std::atomic<int> looks = 0;
  std::string wrong;
  {
    const beside reader([&] {
      ++looks;
      for (const auto& [id, files] : overlapping()) {
        for (const auto& [path, file] : files) {
          const auto blob = s.repo_dir(id) / "blobs" / file.etag();
          std::error_code none;
          if (fs::file_size(blob, none) != file.content.size() && !none)
            wrong = blob.string() + " has another size";
        }
      }
    });
    const beside lister([&] {
      for (const auto& words :
           std::vector<std::vector<std::string>>{{"cache", "ls"},
                                                 {"cache", "verify"},
                                                 {"index", "check"},
                                                 {"download", "acme/base", "--offline"}}) {
        const auto got = s.run(words);
        if (got.code != 0) wrong = words[1] + std::to_string(got.code) + ": " + got.err + got.out;
      }
    });
    for (int round = 0; round < test::times(2, 50); ++round) {
      for (const auto* id : {"acme/tuned", "other/merged"})
        REQUIRE(s.run({"cache", "rm", id, "-y"}).code <= 5);
      crowd writers;
      for (int i = 0; i < 4; ++i) {
        writers.push_back(s.start({"download", i % 2 == 0 ? "acme/tuned" : "other/merged", "-q"}));
      }
      CHECK(failures(writers) == "");
    }
  }
  CHECK(wrong == "");
  CHECK(looks > 0);
}

TEST_CASE("dedupe, gc, prune and rm beside downloads take nothing that these place") {
  test::shell s;
  put_overlapping(s);
  s.hub.put(embedded::tiny());
  REQUIRE(s.download("acme/base") == "");
  REQUIRE(s.run({"cache", "pin", "acme/base"}).code == 0);
  std::string wrong;
  int commands = 0;
  {
    const beside upkeep([&] {
      for (const auto& words :
           std::vector<std::vector<std::string>>{{"cache", "dedupe", "-y"},
                                                 {"cache", "prune", "-y", "--older-than", "0"},
                                                 {"cache", "gc", "--max-size", "1T", "-y"},
                                                 {"cache", "rm", "acme/tiny", "-y"},
                                                 {"index", "rebuild"}}) {
        const auto got = s.run(words);
        ++commands;
        // 1: something was in use and stays; 5: there is nothing to remove yet.
        if (got.code != 0 && got.code != 1 && got.code != 5)
          wrong = words[1] + std::to_string(got.code) + ": " + got.err + got.out;
      }
    });
    for (int round = 0; round < test::times(3, 100); ++round) {
      for (const auto* id : {"acme/tuned", "other/merged"})
        REQUIRE(s.run({"cache", "rm", id, "-y"}).code <= 5);
      crowd writers;
      for (const auto* id : {"acme/tuned", "other/merged", "acme/tiny", "acme/tuned", "acme/tiny"}) {
        writers.push_back(s.start({"download", id, "-q"}));
      }
      CHECK(failures(writers) == "");
      for (const auto& [id, files] : overlapping()) CHECK(test::difference(snapshot_of(s, id), files) == "");
    }
  }
  CHECK(wrong == "");
  CHECK(commands > 0);
  CHECK(s.download("acme/tiny") == "");
  CHECK(s.complaints() == "");
  CHECK(s.run({"cache", "prune", "-y", "--older-than", "0"}).code == 0);
  CHECK(s.strays() == std::vector<std::string>());
}

TEST_CASE("what dead processes had locked or leased holds nobody up") {
  test::shell s;
  s.hub.put(embedded::one_file(8'000'000));
  s.hub.put(embedded::tiny());
  s.hub.set_bytes_per_second(2'000'000);
  for (int round = 0; round < test::times(2, 50); ++round) {
    const auto child = s.start({"download", "acme/one", "-q"});
    const auto blobs = s.repo_dir("acme/one") / "blobs";
    while (!fs::exists(blobs) || fs::is_empty(blobs))
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    child->signal(SIGKILL);
    REQUIRE(child->wait() == 128 + SIGKILL);
    CHECK(fs::exists(s.hf / "hub/.locks/models--acme--one"));
    if (round % 2 == 0) {
      const auto got = s.run({"cache", "rm", "acme/one", "-y"});
      CHECK_MESSAGE((got.code == 0 || got.code == 5), got.err);  // 5: without a snapshot it is no repo yet
    }
    s.hub.set_bytes_per_second(0);
    const auto next = s.run({"download", "acme/one"});
    CHECK(next.code == 0);
    CHECK_FALSE(next.warns("waiting"));
    REQUIRE(s.run({"cache", "rm", "acme/one", "-y"}).code == 0);
    s.hub.set_bytes_per_second(2'000'000);
  }
}
