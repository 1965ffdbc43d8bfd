// The numbered examples as their readers run them: against a Hub, without one, stopped in the middle.
#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <support/weight_files.hpp>
#include <thread>
#include <vector>

using test::outcome;

namespace {

/// A machine with a home of its own, whose Hub is embedded.
struct shell {
  shell() {
    hub.put(embedded::tiny());
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }

  [[nodiscard]] test::process start(const std::string& example,
                                    std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.begin(), HUBCACHE_EXAMPLES "/example_" + example);
    return {std::move(arguments), environment};
  }
  [[nodiscard]] outcome run(const std::string& example, std::vector<std::string> arguments = {}) const {
    auto child = start(example, std::move(arguments));
    return test::outcome_of(child);
  }
  /// With these lines on stdin.
  [[nodiscard]] outcome type(const std::string& example, const std::string& lines) const {
    test::process child({"/bin/sh", "-c", R"(exec "$0" <"$1")", HUBCACHE_EXAMPLES "/example_" + example,
                         home.write("typed", lines)},
                        environment);
    return test::outcome_of(child);
  }
  /// Serves acme/one, slowly enough that it is under way for long.
  void serve_slowly() {
    hub.put(embedded::one_file(20'000'000));
    hub.set_bytes_per_second(1'000'000);
  }
  /// Waits until content is on its way, a minute at most.
  void wait_for_content() {
    for (int i = 0; i < 12'000 && hub.log().content_bytes_sent() == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  embedded::hub hub;
  test::temp_folder home;
  std::map<std::string, std::string> environment;
};

std::size_t times(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

embedded::repo_file weights(std::string bytes) {
  return embedded::lfs(embedded::file_content::of(std::move(bytes)));
}

/// acme/split: two shards with their index, and a file that is no part of the model. Its numbers are 3 in BF16.
embedded::repo_model split_model() {
  const auto shard = [](const char* name) {
    return weights(test::safetensors_text().tensor(name, {4, 5}, "BF16").bytes('\x40'));
  };
  embedded::repo_model repo("acme/split");
  repo.commit({{"model-00001-of-00002.safetensors", shard("first")},
               {"model-00002-of-00002.safetensors", shard("second")},
               {"model.safetensors.index.json",
                embedded::regular(R"({"weight_map":{"first":"model-00001-of-00002.safetensors",)"
                                  R"("second":"model-00002-of-00002.safetensors"}})")},
               {"consolidated.safetensors", shard("first")}});
  return repo;
}

/// acme/m-GGUF: one model, as Q8_0 by its name, with a tensor of 16 numbers that are about 3.
embedded::repo_model gguf_model() {
  test::gguf_text text(1, 0);
  text.tensor("token_embd.weight", {16}, 0, 0).data(64);
  std::fill(text.bytes.end() - 64, text.bytes.end(), '\x40');
  embedded::repo_model repo("acme/m-GGUF");
  repo.commit({{"m-Q8_0.gguf", weights(text.bytes)}, {"m-Q2_K.gguf", weights("another")}});
  return repo;
}

}  // namespace

TEST_CASE("01: a snapshot's folder is printed, and what it cost") {
  const shell s;
  const auto got = s.run("01_download", {"acme/tiny"});
  CHECK(got.code == 0);
  CHECK(got.tells("/hf/hub/models--acme--tiny/snapshots/"));
  CHECK(got.tells(" fetched in "));
}

TEST_CASE("02: the plan is shown before the bytes come, and Ctrl-C cancels") {
  shell s;
  const auto got = s.run("02_coroutine", {"acme/tiny"});
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("to link 0.0, to fetch "));
  CHECK(got.tells("fetched model.safetensors\n"));
  s.serve_slowly();
  s.hub.log().clear();
  auto child = s.start("02_coroutine", {"acme/one"});
  s.wait_for_content();
  child.signal(SIGINT);
  const auto stopped = test::outcome_of(child);
  CHECK(stopped.code == 1);
  CHECK(stopped.warns("cancelled"));
}

TEST_CASE("03: tensors are listed where they lie") {
  shell s;
  s.hub.put(split_model());
  const auto got = s.run("03_mapped", {"acme/split", "model-00001-of-00002.safetensors"});
  CHECK(got.code == 0);
  CHECK(got.tells("first BF16 [ 4 5 ]: 64 64 64 64 64 64 64 64\n"));
}

TEST_CASE("04: four ways of one call give one snapshot") {
  const shell s;
  const auto got = s.run("04_four_ways", {"acme/tiny"});
  CHECK(got.code == 0);
  for (const auto* const way : {"blocking", "callback", "future", "coroutine"}) {
    CHECK(got.tells(std::string(way) + ": " + s.home.path().string() +
                    "/hf/hub/models--acme--tiny/snapshots/"));
  }
}

TEST_CASE("05: the bar ends at all that was planned, and goes on where an interrupted run stopped") {
  shell s;
  const auto got = s.run("05_progress_bar", {"acme/tiny"});
  CHECK(got.code == 0);
  CHECK(got.warns("[####################] 100% of "));
  s.serve_slowly();
  auto child = s.start("05_progress_bar", {"acme/one"});
  for (int i = 0; i < 12'000 && child.err().find("[##") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  child.signal(SIGKILL);
  child.wait();
  s.hub.set_bytes_per_second(0);
  s.hub.log().clear();
  const auto again = s.run("05_progress_bar", {"acme/one"});
  CHECK(again.code == 0);
  CHECK(s.hub.log().content_bytes_sent() < 20'000'000);
  CHECK(again.warns("[####################] 100% of 20.0M\n"));
}

TEST_CASE("06: Stop cancels a download, and the next one goes on") {
  shell s;
  s.serve_slowly();
  const auto stopped = s.run("06_stop_button", {"acme/one", "3"});
  CHECK(stopped.code == 130);
  CHECK(stopped.tells(" %\n"));
  CHECK_FALSE(stopped.tells("100 %"));
  CHECK(stopped.tells("cancelled"));
  s.hub.set_bytes_per_second(0);
  const auto done = s.run("06_stop_button", {"acme/one", "101"});
  CHECK(done.code == 0);
  CHECK(done.tells("100 %\n"));
  CHECK(done.tells("/models--acme--one/snapshots/"));
}

TEST_CASE("07: two caches of one process that want the same content at once fetch it once") {
  shell s;
  s.hub.put(embedded::one_file(2'000'000));
  const auto got = s.run("07_own_executor", {s.home / "team", s.home / "own", "acme/one"});
  CHECK(got.code == 0);
  CHECK(got.tells("team: " + s.home.path().string() + "/team/models--acme--one/snapshots/"));
  CHECK(got.tells("private: " + s.home.path().string() + "/own/models--acme--one/snapshots/"));
  CHECK(s.hub.log().content_bytes_sent() == 2'000'000);
}

TEST_CASE(
    "08: tensors of a split model are found through its index, and nothing else of the repo is fetched") {
  shell s;
  s.hub.put(split_model());
  const auto got = s.run("08_inference", {"acme/split", "first", "second"});
  CHECK(got.code == 0);
  CHECK(times(got.out, "1 tensors in ") == 2);
  CHECK(got.tells("first: 60\nsecond: 60\n"));
  CHECK(s.hub.log().count([](const auto& r) { return r.path.find("consolidated") != r.path.npos; }) == 0);
  const auto none = s.run("08_inference", {"acme/split", "third"});
  CHECK(none.code == 1);
  CHECK(none.warns("no tensor third"));
}

TEST_CASE("08: a model without an index, and a GGUF model by its tag") {
  shell s;
  s.hub.put(gguf_model());
  CHECK(s.run("08_inference", {"acme/tiny"}).code == 1);  // its weights are none
  const auto got = s.run("08_inference", {"acme/m-GGUF:Q8_0", "token_embd.weight"});
  CHECK(got.code == 0);
  CHECK(got.tells("token_embd.weight: 48.0627\n"));
  const auto none = s.run("08_inference", {"acme/m-GGUF:Q4_K_M"});
  CHECK(none.code == 1);
  CHECK(none.warns("m-Q8_0.gguf"));
}

TEST_CASE("09: models are fetched, listed, pinned, and removed unless pinned") {
  const shell s;
  const auto got = s.type("09_model_manager",
                          "get acme/tiny\nwait\nls\npin acme/tiny\nls\nrm acme/tiny\nrm acme/none\nwhat\n");
  CHECK(got.code == 0);
  CHECK(got.tells("acme/tiny: " + s.home.path().string() + "/hf/hub/models--acme--tiny/snapshots/"));
  CHECK(got.tells("used 0 min ago\n"));
  CHECK(got.tells("used 0 min ago, pinned\n"));
  CHECK_FALSE(got.tells("removed"));
  CHECK(got.tells("ls, get REPO, "));
  const auto other = s.type("09_model_manager", "get acme/tiny\nwait\nunpin acme/tiny\nrm acme/tiny\nls\n");
  CHECK(other.tells("removed model/acme/tiny\n"));
  CHECK_FALSE(other.tells("used "));
}

TEST_CASE("09: downloads run beside each other; one is cancelled, one by quitting") {
  shell s;
  s.serve_slowly();
  embedded::repo_model twin("acme/two");
  twin.commit({{"model.safetensors", embedded::lfs(embedded::file_content::generated(9, 20'000'000))}});
  s.hub.put(twin);
  const auto got =
      s.type("09_model_manager",
             "get acme/one\nget acme/two\nget acme/one\ncancel acme/one\nget acme/tiny\nls\nquit\n");
  CHECK(got.code == 0);
  CHECK(got.tells("acme/one: is on its way\n"));
  CHECK(got.tells("acme/two  downloading: "));
  CHECK(got.tells("acme/one: cancelled"));
  CHECK(got.tells("acme/two: cancelled"));
}

TEST_CASE("without a Hub every example says so and fails") {
  shell s;
  s.hub.stop();
  std::vector<std::unique_ptr<test::process>> children;
  for (const auto* const example : {"01_download", "02_coroutine", "03_mapped", "04_four_ways",
                                    "05_progress_bar", "06_stop_button", "08_inference"}) {
    std::vector<std::string> arguments{HUBCACHE_EXAMPLES "/example_" + std::string(example), "acme/tiny"};
    children.push_back(std::make_unique<test::process>(std::move(arguments), s.environment));
  }
  for (const auto& child : children) {
    const auto got = test::outcome_of(*child);
    CHECK(got.code == 1);
    CHECK((got.err + got.out).find("connection failed: ") != std::string::npos);
  }
  const auto both = s.run("07_own_executor", {s.home / "team", s.home / "own", "acme/tiny"});
  CHECK(both.code == 1);
  CHECK(times(both.out, "connection failed: ") == 2);
  CHECK(s.type("09_model_manager", "get acme/tiny\nwait\n").tells("acme/tiny: connection failed: "));
}

TEST_CASE("a malformed variable is told by every example") {
  shell s;
  s.environment["HF_ENDPOINT"] = "nonsense";
  for (const auto* const example :
       {"01_download", "02_coroutine", "03_mapped", "04_four_ways", "05_progress_bar", "06_stop_button",
        "08_inference", "09_model_manager"}) {
    CAPTURE(example);
    const auto got = s.run(example, {"acme/tiny"});
    CHECK(got.code == 1);
    CHECK(got.warns("HF_ENDPOINT"));
  }
  const auto both = s.run("07_own_executor", {s.home / "team", s.home / "own", "acme/tiny"});
  CHECK(both.code == 1);
  CHECK(both.warns("HF_ENDPOINT"));
}

TEST_CASE("the guide's table of errors has every code") {
  const auto guide = test::read_file(HUBCACHE_GUIDE "/errors.md");
  for (int code = 1; code <= static_cast<int>(hubcache::errc::internal); ++code) {
    CAPTURE(code);
    CHECK(times(guide, "\n| `" + std::string(to_string(static_cast<hubcache::errc>(code))) + "` | ") == 1);
  }
}
