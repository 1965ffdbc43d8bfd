// `hubcache lock` and the requirements, as their users meet them.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

/// A user's shell, a Hub with acme/tiny and acme/one, and where a lock file may be.
struct shell {
  shell() {
    hub.put(embedded::tiny());
    hub.put(embedded::one_file(5000));
    environment = {{"HOME", home / "user"}, {"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}};
  }
  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }
  /// Writes the lock of both repos and forgets what was downloaded for it.
  void lock() {
    REQUIRE(run({"lock", "write", "acme/tiny", "acme/one", "-o", file}).code == 0);
    fs::remove_all(home / "hf");
    hub.log().clear();
  }
  /// Replaces `from` in the lock file.
  void alter(const std::string& from, const std::string& to) {
    auto text = test::read_file(file);
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    home.write("x.lock", text.replace(at, from.size(), to));
  }

  embedded::hub hub;
  test::temp_folder home;
  std::string file = home / "x.lock";
  std::map<std::string, std::string> environment;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

TEST_CASE("lock write names every file of every repo, the same bytes each time") {
  shell s;
  const auto wrote = s.run({"lock", "write", "acme/tiny", "acme/one", "-o", s.file});
  CHECK(wrote.code == 0);
  CHECK(wrote.out == s.file + "\n");
  CHECK(wrote.warns("locked 10 files of 2 repos"));
  const auto text = test::read_file(s.file);
  for (const auto& one : embedded::tiny().files()) {
    const auto& [path, file] = one;
    CAPTURE(one.first);
    CHECK(text.find("{\"path\": \"" + path + "\", \"size\": " + std::to_string(file.content.size()) +
                    ", \"sha256\": \"" + file.content.sha256() + "\"}") != text.npos);
  }
  CHECK(s.run({"lock", "write", "acme/one", "acme/tiny", "-o", s.home / "y.lock", "-q"}).err.empty());
  CHECK(test::read_file(s.home / "y.lock") == text);
}

TEST_CASE("lock write refuses what cannot end in a lock file before it asks for anything") {
  shell s;
  const auto twice = s.run({"lock", "write", "acme/one", "hf://acme/one@v1.0", "-o", s.file});
  CHECK(twice.code == 2);
  CHECK(twice.err.find("acme/one was named twice") != std::string::npos);
  CHECK(s.run({"lock", "write", "acme/one", "-o", s.home / "missing/x.lock"}).code == 7);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("lock write takes patterns and a revision, and tells as JSON what it locked") {
  shell s;
  const auto wrote = s.run({"lock", "write", "acme/tiny", "--revision", "v1.0", "--include", "*.json",
                            "--exclude", "nested/*", "-o", s.file, "--json"});
  CHECK(wrote.code == 0);
  const auto commit = embedded::tiny().refs.at("refs/tags/v1.0");
  CHECK(wrote.out ==
        "{\"path\": \"" + s.file +
            "\", \"repos\": [{\"repo_id\": \"acme/tiny\", \"repo_type\": \"model\", \"commit\": \"" + commit +
            "\", \"files\": 1, \"bytes\": " +
            std::to_string(embedded::tiny().files().at("config.json").content.size()) + "}]}\n");
  CHECK(s.run({"lock", "write", "acme/tiny", "--include", "nothing", "-o", s.home / "none"}).code == 2);
  CHECK_FALSE(fs::exists(s.home / "none"));
}

TEST_CASE("lock install brings exactly the locked commits, and offline again from the cache") {
  shell s;
  s.lock();
  auto moved = s.hub.get("acme/tiny");
  moved.commit({}, "Everything is gone");
  s.hub.put(moved);
  const auto got = s.run({"lock", "install", s.file});
  CHECK(got.code == 0);
  CHECK(std::count(got.out.begin(), got.out.end(), '\n') == 2);
  const auto tiny = got.out.substr(got.out.find('\n') + 1);  // acme/one comes first
  for (const auto& [path, file] : embedded::tiny().files()) {
    CHECK(test::read_file(first_line(tiny) + "/" + path) == file.content.text());
  }
  s.hub.stop();
  const auto again = s.run({"lock", "install", s.file, "--offline", "-q"});
  CHECK(again.code == 0);
  CHECK(again.out == got.out);
  CHECK(again.err.empty());
  const auto json = s.run({"lock", "install", s.file, "--offline", "--json"});
  CHECK(json.out.starts_with("{\"repos\": [{\"path\": \""));
  CHECK(json.tells("\"bytes_fetched\": 0"));
}

TEST_CASE("lock install offline of what is not here ends with 8") {
  shell s;
  s.lock();
  CHECK(s.run({"lock", "install", s.file, "--offline"}).code == 8);
}

TEST_CASE("lock install refuses what deviates with 6 and names both values") {
  const auto config = embedded::tiny().files().at("config.json").content.sha256();
  const auto weights = embedded::tiny().files().at("model.safetensors").content.sha256();
  for (const auto& right : {config, weights}) {
    shell s;
    s.lock();
    const std::string wrong(64, '0');
    s.alter(right, wrong);
    const auto got = s.run({"lock", "install", s.file});
    CHECK(got.code == 6);
    CHECK(got.warns(wrong));
    CHECK(got.warns(right));
  }
}

TEST_CASE("lock check tells what is here, missing and wrong, without a request") {
  shell s;
  s.lock();
  const auto none = s.run({"lock", "check", s.file});
  CHECK(none.code == 8);
  CHECK(none.tells("0 of 10 locked files here and as locked"));
  REQUIRE(s.run({"lock", "install", s.file}).code == 0);
  s.hub.log().clear();
  const auto all = s.run({"lock", "check", s.file});
  CHECK(all.code == 0);
  CHECK(all.out == "10 of 10 locked files here and as locked\n");
  CHECK(s.run({"lock", "check", s.file, "-q"}).out.empty());
  CHECK(s.run({"lock", "check", s.file, "--json"}).out == "{\"files\": 10, \"ok\": 10, \"findings\": []}\n");

  const auto blob =
      s.home / ("hf/hub/models--acme--tiny/blobs/" + embedded::tiny().files().at("model.safetensors").etag());
  auto bytes = test::read_file(blob);
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  fs::permissions(blob, fs::perms::owner_all);
  std::ofstream(blob, std::ios::binary) << bytes;
  CHECK(s.run({"lock", "check", s.file}).code == 0);
  const auto damaged = s.run({"lock", "check", s.file, "--verify"});
  CHECK(damaged.code == 6);
  CHECK(damaged.tells("corrupt: model/acme/tiny model.safetensors: it holds "));
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a lock file that is missing or malformed is named, with the code of its trouble") {
  shell s;
  for (const auto* verb : {"install", "check"}) {
    CHECK(s.run({"lock", verb, s.file}).code == 7);
    s.home.write("bad.lock", "{\"format\": \"hubcache-lock\"}");
    const auto bad = s.run({"lock", verb, s.home / "bad.lock"});
    CHECK(bad.code == 2);
    CHECK(bad.warns("bad.lock"));
  }
}

TEST_CASE("download --lock takes the commit of the lock, and only what it names") {
  shell s;
  s.lock();
  auto moved = s.hub.get("acme/tiny");
  moved.commit(embedded::tiny().files(), "Another");
  s.hub.put(moved);
  const auto got =
      s.run({"download", "acme/tiny", "config.json", "--lock", s.file, "--require-sha256", "-q"});
  CHECK(got.code == 0);
  CHECK(got.out.find(embedded::tiny().refs.at("refs/heads/main")) != std::string::npos);
  const auto other = s.run({"download", "acme/tiny", "--revision", "main", "--lock", s.file});
  CHECK(other.code == 6);
  CHECK(s.run({"download", "acme/llm", "--lock", s.file}).code == 6);
}

TEST_CASE("requirements end the command with 10, and say what to do") {
  shell s;
  const auto pickle = s.run({"download", "acme/tiny", "--require-safetensors"});
  CHECK(pickle.code == 10);
  CHECK(pickle.warns("weights/adapter.bin"));
  CHECK(pickle.warns("leave out what you do not need: '*.bin'"));
  CHECK(pickle.warns("hint: --exclude"));
  CHECK(s.run({"download", "acme/tiny", "--require-safetensors", "--exclude", "*.bin", "--require-scan"})
            .code == 0);
  CHECK(s.run({"download", "acme/tiny", "--require-sha256"}).code == 10);
  const auto json = s.run({"download", "acme/tiny", "--require-sha256", "--json"});
  CHECK(json.tells("\"code\": \"disallowed\""));
}

TEST_CASE("HUBCACHE_REQUIRE binds every command that downloads; a lock file meets sha256") {
  shell s;
  s.lock();
  s.environment["HUBCACHE_REQUIRE"] = "sha256";
  CHECK(s.run({"download", "acme/tiny"}).code == 10);
  CHECK(s.run({"lock", "install", s.file}).code == 0);
  CHECK(s.run({"lock", "write", "acme/tiny", "-o", s.home / "y.lock"}).code == 0);
  s.environment["HUBCACHE_REQUIRE"] = "safetensors";
  CHECK(s.run({"lock", "install", s.file}).code == 10);
  CHECK(s.run({"lock", "write", "acme/tiny", "-o", s.home / "z.lock"}).code == 10);
  CHECK_FALSE(fs::exists(s.home / "z.lock"));
  s.environment["HUBCACHE_REQUIRE"] = "everything";
  CHECK(s.run({"download", "acme/tiny"}).code == 2);
}
