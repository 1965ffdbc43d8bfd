// The command as its users run it: arguments, exit codes, what stands on stdout and what on stderr.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/mounted.hpp>
#include <support/process.hpp>
#include <thread>

using embedded::fault;
using embedded::listener;

namespace {

using result = test::outcome;

/// A user's shell: a home of its own, and HF_ENDPOINT at an embedded Hub.
struct shell {
  shell() {
    hub.put(embedded::tiny());
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }

  test::process start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "download"});
    return {std::move(arguments), environment};
  }
  result run(std::vector<std::string> arguments) {
    auto child = start(std::move(arguments));
    return test::outcome_of(child);
  }
  /// Waits until the Hub has sent so much content, a minute at most.
  void wait_until_sent(std::uint64_t bytes) {
    for (int i = 0; i < 12'000 && hub.log().content_bytes_sent() < bytes; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  /// All files below the home, with their sizes.
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& e : std::filesystem::recursive_directory_iterator(home.path()))
      found.push_back(e.path());
    std::sort(found.begin(), found.end());
    return found;
  }

  embedded::hub hub;
  test::temp_folder home;
  std::map<std::string, std::string> environment;
};

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

TEST_CASE("the last line of stdout is the snapshot's path; --quiet prints that alone") {
  shell s;
  const auto first = s.run({"acme/tiny"});
  CHECK(first.code == 0);
  const auto path = last_line(first.out);
  CHECK(test::read_file(path + "/config.json") == embedded::tiny().files().at("config.json").content.text());
  const auto quiet = s.run({"acme/tiny", "--quiet"});
  CHECK(quiet.out == path + "\n");
  CHECK(quiet.err.empty());
}

TEST_CASE("one named file prints the file's path") {
  shell s;
  const auto got = s.run({"acme/tiny", "nested/deep/notes.txt", "-q"});
  CHECK(got.code == 0);
  CHECK(got.out.ends_with("/nested/deep/notes.txt\n"));
}

TEST_CASE("--json prints one object and nothing else") {
  shell s;
  const auto got = s.run({"acme/tiny", "--json"});
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("{"));
  for (const auto* key : {"path",       "repo_id",     "repo_type",     "revision",     "commit",
                          "files",      "bytes_total", "bytes_present", "bytes_linked", "bytes_fetched",
                          "bytes_wire", "requests",    "disk_delta",    "seconds",      "dry_run",
                          "digest",     "action",      "link",          "source",       "size"}) {
    CHECK(got.out.find("\"" + std::string(key) + "\":") != std::string::npos);
  }
  CHECK(std::count(got.out.begin(), got.out.end(), '\n') <= std::count(got.out.begin(), got.out.end(), ','));
}

TEST_CASE("a dry run changes nothing on disk") {
  shell s;
  const auto before = s.files();
  const auto got = s.run({"acme/tiny", "--dry-run", "--cache-mapping", s.home / "map.json"});
  CHECK(got.code == 0);
  CHECK(s.files() == before);
  CHECK(s.hub.log().content_gets() == 0);
  s.run({"acme/tiny"});
  const auto full = s.files();
  CHECK(s.run({"acme/tiny", "--dry-run", "--json"}).code == 0);
  CHECK(s.files() == full);
}

TEST_CASE("every kind of failure has its exit code, its words, and its JSON") {
  shell s;
  s.hub.put(embedded::one_file(100'000));
  const auto expect = [&](int code, const std::string& name, std::vector<std::string> arguments) {
    const auto plain = s.run(arguments);
    CAPTURE(plain.err);
    CHECK(plain.code == code);
    CHECK(plain.out.empty());
    CHECK(plain.err.find("error: ") != std::string::npos);
    arguments.push_back("--json");
    const auto json = s.run(arguments);
    CAPTURE(json.out);
    CHECK(json.code == code);
    CHECK(json.out.find("{\"error\":") == 0);
    CHECK(json.out.find("\"" + name + "\"") != std::string::npos);
  };
  expect(2, "invalid_argument", {"a/b/c"});
  expect(2, "invalid_argument", {"acme/tiny", "--revision", "../x"});
  expect(2, "invalid_argument", {"acme/tiny", "--no-such-flag"});
  expect(2, "invalid_argument", {"acme/tiny", "--cache-dir", "x", "--local-dir", "y"});
  expect(2, "invalid_argument", {"acme/tiny", "--endpoint", "gopher://x"});
  expect(2, "invalid_mapping", {"acme/tiny", "--cache-mapping", s.home.write("bad.json", "[1]")});
  expect(3, "connection_failed", {"acme/tiny", "--endpoint", "http://127.0.0.1:1"});
  expect(3, "host_not_found", {"acme/tiny", "--endpoint", "http://no-such-host.invalid"});
  expect(4, "unauthorized", {"no/such"});
  expect(5, "repo_not_found", {"no/such", "--token", "hf_reader"});
  expect(5, "revision_not_found", {"acme/tiny", "--revision", "nope"});
  expect(5, "file_not_found", {"acme/tiny", "nope.bin"});
  expect(8, "not_cached", {"acme/tiny", "--offline"});
  expect(9, "refused", {"acme/tiny", "--endpoint", "http://hub.invalid", "--token", "hf_reader"});
  const auto answer = [&](embedded::fault_action action) {
    s.hub.clear_faults();
    s.hub.inject(fault(std::move(action)).on("/api/models").repeated(fault::always));
  };
  answer(embedded::status(403));
  expect(4, "forbidden", {"acme/tiny"});
  answer(embedded::status(418));
  expect(3, "http_failed", {"acme/tiny"});
  answer(embedded::body("{"));
  expect(3, "bad_response", {"acme/tiny"});
  answer(embedded::both(embedded::status(404), embedded::set_header("X-Error-Code", "RepoNotFound")));
  expect(5, "repo_not_found", {"acme/tiny"});
  s.hub.clear_faults();
  s.hub.inject(fault(embedded::flip_byte(5)).on(listener::cdn).repeated(fault::always));
  expect(6, "digest_mismatch", {"acme/one"});
  CHECK(test::read_file(s.home / "bad.json") == "[1]");
}

TEST_CASE("a cache mapping is created, completed and corrected") {
  shell s;
  const auto map = s.home / "map.json";
  CHECK(s.run({"acme/tiny", "--cache-mapping", map}).code == 0);
  const auto text = test::read_file(map);
  const auto weights = embedded::tiny().files().at("model.safetensors").content.sha256();
  CHECK(text.find("\"" + weights + "\": \"/") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), ':') == 7);
  const auto stale = s.home.write("stale.json", "{\"" + weights + "\": \"/no/such/file\"}");
  const auto got = s.run({"acme/tiny", "--cache-mapping", stale});
  CHECK(got.code == 0);
  CHECK(got.err.find("warning: ") != std::string::npos);
  CHECK(test::read_file(stale) == text);
}

TEST_CASE("environment variables and flags name the same things") {
  shell s;
  s.environment["HF_HUB_CACHE"] = s.home / "other";
  CHECK(s.run({"acme/tiny", "-q"}).out.starts_with(s.home / "other"));
  CHECK(s.run({"acme/tiny", "-q", "--cache-dir", s.home / "third"}).out.starts_with(s.home / "third"));
  s.environment["HF_HUB_OFFLINE"] = "1";
  s.hub.log().clear();
  CHECK(s.run({"acme/tiny", "-q"}).code == 0);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("hf:// references name repo, revision and file") {
  shell s;
  const auto got = s.run({"hf://acme/tiny@v1.0/config.json", "-q"});
  CHECK(got.code == 0);
  CHECK(got.out.ends_with(s.hub.get("acme/tiny").find("v1.0")->id + "/config.json\n"));
  CHECK(s.run({"hf://acme/tiny", "--revision", "v1.0"}).code == 2);
}

TEST_CASE("Ctrl-C ends the run cleanly, and the next one resumes") {
  shell s;
  s.hub.put(embedded::one_file(3'000'000));
  s.hub.set_bytes_per_second(6'000'000);
  auto child = s.start({"acme/one"});
  s.wait_until_sent(1'500'000);
  child.signal(SIGINT);
  CHECK(child.wait() == 130);
  s.hub.set_bytes_per_second(0);
  s.hub.log().clear();
  CHECK(s.run({"acme/one"}).code == 0);
  CHECK(s.hub.log().content_bytes_sent() < 3'000'000);
}

TEST_CASE("after kill -9 at any moment the next run fetches only what was not on disk, and ends verified") {
  shell s;
  constexpr std::uint64_t size = 2'000'000;
  const auto repo = embedded::one_file(size);
  s.hub.put(repo);
  const auto& weights = repo.files().at("model.safetensors");
  const auto blob = s.home.path() / "hf/hub/models--acme--one/blobs" / weights.etag();
  int in_the_middle = 0;
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove_all(s.home / "hf");
    s.hub.set_bytes_per_second(10'000'000);
    s.hub.log().clear();
    auto child = s.start({"acme/one"});
    s.wait_until_sent(static_cast<std::uint64_t>(round) * 95'000);
    child.signal(SIGKILL);
    child.wait();
    std::error_code none;
    const auto begun = std::filesystem::file_size(blob.string() + ".68756263.incomplete", none);
    const auto safe = std::filesystem::exists(blob) ? size : none ? 0 : begun;
    in_the_middle += safe > 0 && safe < size ? 1 : 0;

    s.hub.log().clear();
    s.hub.set_bytes_per_second(0);
    const auto again = s.run({"acme/one", "-q"});
    CAPTURE(again.err);
    REQUIRE(again.code == 0);
    CHECK(s.hub.log().content_bytes_sent() == size - safe);
    CHECK(test::read_file(last_line(again.out) + "/model.safetensors") == weights.content.text());
    CHECK_FALSE(std::filesystem::exists(blob.string() + ".68756263.incomplete"));
  }
  CHECK(in_the_middle > 5);
}

TEST_CASE("many processes at once fetch every content once, and all succeed") {
  shell s;
  s.hub.put(embedded::one_file(1'000'000));
  s.hub.put(embedded::twin_of(embedded::one_file(1'000'000)));
  std::vector<std::unique_ptr<test::process>> crowd;
  for (int i = 0; i < 8; ++i) {
    std::vector<std::string> arguments{HUBCACHE_COMMAND, "download", i % 2 == 0 ? "acme/one" : "other/twin",
                                       "-q"};
    crowd.push_back(std::make_unique<test::process>(std::move(arguments), s.environment));
  }
  for (auto& one : crowd) {
    const int code = one->wait();
    CAPTURE(one->err());
    CHECK(code == 0);
  }
  CHECK(s.hub.log().content_bytes_sent() == 1'000'000);
}

TEST_CASE("a full disk has exit code 7, and nothing is half there") {
  const auto disk = test::mounted::tmpfs("2m");
  if (!disk) return;
  shell s;
  s.hub.put(embedded::one_file(5'000'000));
  s.environment["HF_HOME"] = *disk / "hf";
  const auto got = s.run({"acme/one"});
  CHECK(got.code == 7);
  CHECK(got.err.find("disk full: the download needs 5.0M") != std::string::npos);
}

TEST_CASE("a Hub that answers 429 or 5xx to the end has exit code 3, and the cache serves if it can") {
  shell s;
  CHECK(s.run({"acme/tiny"}).code == 0);
  for (const int status : {429, 500}) {
    s.hub.clear_faults();
    s.hub.inject(fault(embedded::both(embedded::status(status), embedded::set_header("Retry-After", "0")))
                     .repeated(fault::always));
    const auto cached = s.run({"acme/tiny"});
    CHECK(cached.code == 0);
    CHECK(cached.err.find("warning: ") != std::string::npos);
    CHECK(s.run({"other/repo"}).code == 3);
  }
}

TEST_CASE("memory stays bounded whatever the file's size" * doctest::skip(HUBCACHE_SANITIZED)) {
  shell s;
  s.hub.put(embedded::one_file(400'000'000));
  std::vector<std::string> arguments{HUBCACHE_COMMAND, "download", "acme/one", "-q"};
  test::process child(std::move(arguments), s.environment);
  CHECK(child.wait_and_watch_memory() < 64 * 1024);
  CHECK(child.wait() == 0);
}
