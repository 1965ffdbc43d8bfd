// `hubcache cache verify` as its users run it.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/hub_cache.hpp>
#include <support/process.hpp>
#include <thread>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

/// A user whose cache holds acme/tiny.
struct shell {
  shell() {
    hub.put(embedded::tiny());
    environment = {{"HOME", home / "."}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
    REQUIRE(run({"download", "acme/tiny", "-q"}).code == 0);
    hub.log().clear();
  }

  test::process start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    return {std::move(arguments), environment};
  }
  result run(std::vector<std::string> arguments) {
    auto child = start(std::move(arguments));
    return test::outcome_of(child);
  }
  result verify(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"cache", "verify"});
    return run(std::move(arguments));
  }

  [[nodiscard]] fs::path repo() const { return home / "hf/hub/models--acme--tiny"; }
  [[nodiscard]] std::string blob(const std::string& file = "model.safetensors") const {
    return repo() / "blobs" / embedded::tiny().files().at(file).etag();
  }
  [[nodiscard]] fs::path entry(const std::string& file = "model.safetensors") const {
    const auto tiny = embedded::tiny();
    return repo() / "snapshots" / tiny.refs.at("refs/heads/main") / file;
  }
  void damage(const std::string& path) const {
    fs::permissions(path, fs::perms::owner_all);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5);
    file << "damaged";
  }
  [[nodiscard]] std::vector<fs::path> quarantined() const {
    std::error_code ec;
    std::vector<fs::path> found;
    for (const auto& one : fs::directory_iterator(home / "hf/hub/.locks/hubcache-quarantine", ec))
      found.push_back(one.path());
    return found;
  }

  embedded::hub hub;
  test::temp_folder home;
  std::map<std::string, std::string> environment;
};

std::uint64_t number(const std::string& json, const std::string& key) {
  const auto at = json.find("\"" + key + "\": ");
  return at == json.npos ? 0 : std::strtoull(json.c_str() + at + key.size() + 4, nullptr, 10);
}

}  // namespace

TEST_CASE("a cache in order has exit code 0 and a summary, and asks nobody") {
  shell s;
  const auto got = s.verify();
  CHECK(got.code == 0);
  CHECK(got.tells("Verified 7 files, "));
  CHECK(got.err.empty());
  CHECK(s.hub.log().count() == 0);
  CHECK(s.verify({"acme/tiny", "--revision", "main", "-q"}).out.empty());
}

TEST_CASE("a damaged blob has exit code 6, a line, and stays where it is") {
  shell s;
  s.damage(s.blob());
  const auto got = s.verify();
  CHECK(got.code == 6);
  CHECK(got.tells("corrupt: model/acme/tiny model.safetensors: it holds "));
  CHECK(got.tells("; 1 corrupt"));
  CHECK(fs::exists(s.blob()));
  CHECK(s.verify({"-q"}).out == s.blob() + "\n");
  const auto json = s.verify({"--json"});
  CHECK(json.code == 6);
  CHECK(json.out.starts_with("{\"complete\": true"));
  CHECK(json.tells("\"verdict\": \"corrupt\""));
  CHECK(json.tells("\"remaining\": 1"));
}

TEST_CASE("what was found corrupt is not linked into other repos any more") {
  shell s;
  s.damage(s.blob());
  CHECK(s.verify().code == 6);
  auto other = embedded::tiny();
  other.id = "other/copy";
  s.hub.put(other);
  CHECK(s.run({"download", "other/copy", "model.safetensors", "-q"}).code == 0);
  const auto copy =
      s.home / ("hf/hub/models--other--copy/blobs/" + other.files().at("model.safetensors").etag());
  CHECK(test::read_file(copy) == other.files().at("model.safetensors").content.text());
}

TEST_CASE("--repair moves what is corrupt away and fetches it again, and nothing else") {
  shell s;
  s.damage(s.blob());
  const auto damaged = test::read_file(s.blob());
  const auto got = s.verify({"--repair", "-y"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(test::read_file(s.entry()) == embedded::tiny().files().at("model.safetensors").content.text());
  CHECK(fs::exists(s.entry("nested/copy-of-model.safetensors")));
  CHECK(s.hub.log().content_gets() == 1);
  REQUIRE(s.quarantined().size() == 1);
  CHECK(test::read_file(s.quarantined().front()) == damaged);
  CHECK(s.verify().code == 0);
}

TEST_CASE("--repair fetches files whose blobs are gone") {
  shell s;
  fs::remove(s.blob("config.json"));
  const auto found = s.verify();
  CHECK(found.code == 6);
  CHECK(found.tells("missing: model/acme/tiny config.json"));
  CHECK(s.verify({"--repair", "-y"}).code == 0);
  CHECK(test::read_file(s.entry("config.json")) == embedded::tiny().files().at("config.json").content.text());
}

TEST_CASE("without -y and a terminal nothing is moved; --dry-run tells and moves nothing") {
  shell s;
  s.damage(s.blob());
  CHECK(s.verify({"--quarantine"}).code == 9);
  const auto dry = s.verify({"--repair", "--dry-run"});
  CHECK(dry.code == 6);
  CHECK(dry.warns("[dry-run] Would move 1 corrupt file out of the cache and fetch 2 files anew."));
  CHECK(fs::exists(s.blob()));
  CHECK(s.quarantined().empty());
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("--quarantine alone removes the entries, too, and still tells that content was lost") {
  shell s;
  s.damage(s.blob());
  CHECK(s.verify({"--quarantine", "-y"}).code == 6);
  CHECK(!fs::is_symlink(s.entry()));
  CHECK(s.quarantined().size() == 1);
  CHECK(s.verify().code == 0);
}

TEST_CASE("what cannot be fetched again is named, with the command that does it later") {
  shell s;
  s.damage(s.blob());
  s.hub.remove("acme/tiny");
  const auto got = s.verify({"--repair", "-y"});
  CHECK(got.code == 6);
  CHECK(got.warns("hubcache download acme/tiny --repo-type model --revision "));
}

TEST_CASE("a hard-linked twin in another repo is found and mended with it") {
  shell s;
  auto other = embedded::tiny();
  other.id = "other/copy";
  s.hub.put(other);
  REQUIRE(s.run({"download", "other/copy", "-q"}).code == 0);
  const auto twin =
      s.home / ("hf/hub/models--other--copy/blobs/" + other.files().at("model.safetensors").etag());
  fs::remove(twin);
  fs::create_hard_link(s.blob(), twin);
  s.damage(twin);
  const auto got = s.verify({"acme/tiny", "--repair", "-y"});
  CHECK(got.code == 0);
  CHECK(got.tells("2 corrupt"));
  CHECK(test::read_file(twin) == other.files().at("model.safetensors").content.text());
  CHECK(test::read_file(s.blob()) == test::read_file(twin));
}

TEST_CASE("an edited entry is told and is no failure") {
  shell s;
  REQUIRE(s.run({"edit", s.entry("config.json"), "-q"}).code == 0);
  std::ofstream(s.entry("config.json")) << "edited";
  const auto got = s.verify({"--repair", "-y"});
  CHECK(got.code == 0);
  CHECK(got.tells("edited: model/acme/tiny config.json"));
  CHECK(test::read_file(s.entry("config.json")) == "edited");
}

TEST_CASE("--online compares with the Hub's listing, which no file here can deceive") {
  shell s;
  fs::remove_all(s.repo() / "trees");
  fs::remove(s.entry("config.json"));
  fs::create_symlink("../../blobs/" + embedded::tiny().files().at("README.md").etag(),
                     s.entry("config.json"));
  CHECK(s.verify().code == 0);
  const auto got = s.verify({"acme/tiny", "--online"});
  CHECK(got.code == 6);
  CHECK(got.tells(": model/acme/tiny config.json: it "));
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(s.verify({"acme/tiny", "--online", "--repair", "-y"}).code == 0);
  CHECK(test::read_file(s.entry("config.json")) == embedded::tiny().files().at("config.json").content.text());
}

TEST_CASE("missing and extra files are failures on request only") {
  shell s;
  fs::remove(s.entry("README.md"));
  std::ofstream(s.entry("mine.txt")) << "mine";
  const auto plain = s.verify({"acme/tiny", "--online"});
  CHECK(plain.code == 0);
  CHECK(plain.warns("--fail-on-missing-files"));
  CHECK(plain.warns("--fail-on-extra-files"));
  const auto missing = s.verify({"acme/tiny", "--online", "--fail-on-missing-files"});
  CHECK(missing.code == 6);
  CHECK(missing.tells("absent: model/acme/tiny README.md"));
  const auto extra = s.verify({"acme/tiny", "--online", "--fail-on-extra-files"});
  CHECK(extra.code == 6);
  CHECK(extra.tells("extra: model/acme/tiny mine.txt"));
}

TEST_CASE("a Hub that cannot be asked is a failure of its own; the rest is verified all the same") {
  shell s;
  s.hub.remove("acme/tiny");
  const auto got = s.verify({"acme/tiny", "--online"});
  CHECK(got.code == 4);  // the Hub tells no more of repos that it does not have
  CHECK(got.tells("Verified "));
}

TEST_CASE("a local folder is verified, offline by its records, online by the listing") {
  shell s;
  const auto folder = s.home / "local";
  REQUIRE(s.run({"download", "acme/tiny", "--local-dir", folder, "-q"}).code == 0);
  CHECK(s.verify({"--local-dir", folder}).code == 0);
  CHECK(s.verify({"acme/tiny", "--local-dir", folder, "--online"}).code == 0);
  const auto then = fs::last_write_time(folder + "/model.safetensors");
  s.damage(folder + "/model.safetensors");
  fs::last_write_time(folder + "/model.safetensors", then);
  CHECK(s.verify({"--local-dir", folder}).tells("corrupt: model.safetensors: "));
  CHECK(s.verify({"acme/tiny", "--local-dir", folder, "--online"}).code == 6);
}

TEST_CASE("what cannot be meant is refused before anything is read") {
  shell s;
  const auto folder = s.home / "local";
  CHECK(s.verify({"--revision", "main"}).code == 2);
  CHECK(s.verify({"--local-dir", folder, "--repair"}).code == 2);
  CHECK(s.verify({"--local-dir", folder, "--online"}).code == 2);
  CHECK(s.verify({"acme/tiny", "--local-dir", folder}).code == 2);
  CHECK(s.verify({"acme/tiny", "--repo-type", "film"}).code == 2);
  CHECK(s.verify({"acme/none"}).code == 5);
  CHECK(s.verify({"acme/tiny", "--revision", "v9"}).code == 5);
  CHECK(s.verify({"hf://models/acme/tiny@main"}).code == 0);
  CHECK(s.verify({"model/acme/tiny"}).code == 0);
  s.environment["HF_HUB_OFFLINE"] = "1";
  CHECK(s.verify({"acme/tiny", "--online"}).code == 2);
  CHECK(s.verify().code == 0);
}

TEST_CASE("an interrupted run has exit code 130, and the next one goes on there") {
  shell s;
  // Zeros that take long to read, and no space on the disk.
  const auto large = (s.repo() / "blobs" / std::string(64, 'a')).string();
  std::ofstream(large).close();
  fs::resize_file(large, std::uint64_t{200} << 30U);
  auto child = s.start({"cache", "verify"});
  for (int i = 0; i < 100 && !fs::exists(s.home / "hf/hubcache/verify"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  child.signal(SIGINT);
  CHECK(child.wait() == 130);
  CHECK(child.err().find("goes on where it stopped") != std::string::npos);

  fs::remove(large);
  const auto next = s.verify({"--json"});
  CHECK(next.code == 0);
  CHECK(number(next.out, "bytes") > 0);
  CHECK(number(next.out, "bytes_resumed") == number(next.out, "bytes"));
}
