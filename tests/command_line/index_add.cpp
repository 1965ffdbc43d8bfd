// `hubcache index add` and `index remove` as their users run them, and what downloads make of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/hub_cache.hpp>
#include <support/mounted.hpp>
#include <support/patterned.hpp>
#include <support/process.hpp>
#include <sys/stat.h>

namespace fs = std::filesystem;

namespace {

using result = test::outcome;

/// A user's shell, a folder of models, and a Hub.
struct shell {
  explicit shell(const fs::path& parent = fs::canonical(fs::temp_directory_path())) : home(parent) {
    fs::create_directories(models);
    environment = {{"HF_HOME", home / "hf"}, {"HF_ENDPOINT", hub.endpoint()}, {"HOME", home / "home"}};
  }

  test::process start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HUBCACHE_COMMAND);
    return {std::move(arguments), environment};
  }
  result run(std::vector<std::string> arguments) {
    auto child = start(std::move(arguments));
    return test::outcome_of(child);
  }
  result add(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"index", "add", models};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(std::move(arguments));
  }
  /// A model that nobody wrote to for a while.
  std::string write(const std::string& name, std::string_view bytes) const {
    auto path = home.write("models/" + name, bytes);
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(10));
    return path;
  }
  [[nodiscard]] std::string remembered() const { return test::read_file(home / "hf/hubcache/folders"); }

  embedded::hub hub;
  test::temp_folder home;
  std::string models = home / "models";
  std::map<std::string, std::string> environment;
};

bool has(const result& r, std::string_view text) {
  CAPTURE(r.out);
  CAPTURE(r.err);
  const bool found = (r.out + r.err).find(text) != std::string::npos;
  CHECK_MESSAGE(found, text);
  return found;
}

/// The number of files that the JSON of one folder gives for `what`.
int files_of(const std::string& json, const std::string& what) {
  const auto key = "\"" + what + "\": {\"files\": ";
  const auto at = json.find(key);
  return at == std::string::npos ? -1 : std::atoi(json.c_str() + at + key.size());
}

struct stat stat_of(const std::string& path) {
  struct stat s {};
  REQUIRE(::stat(path.c_str(), &s) == 0);
  return s;
}

/// ComfyUI has the weights of acme/one, and the user downloads that repo.
struct comfy : shell {
  explicit comfy(const fs::path& parent) : shell(parent) {
    hub.put(embedded::one_file(3'000'000));
    bytes = embedded::one_file(3'000'000).files().at("model.safetensors").content.text();
    mine = write("checkpoints/mine.safetensors", bytes);
  }
  /// Downloads it; returns the path of the file in the snapshot.
  std::string download() {
    const auto got = run({"download", "acme/one", "model.safetensors", "-q"});
    CAPTURE(got.err);
    REQUIRE(got.code == 0);
    return got.out.substr(0, got.out.find('\n'));
  }

  std::string bytes;
  std::string mine;
};

/// Whatever the file system: the bytes come from ComfyUI's folder, and nothing done there later reaches the cache.
void check_isolation(comfy& s) {
  REQUIRE(s.add().code == 0);
  s.hub.log().clear();
  const auto path = s.download();
  CHECK(s.hub.log().content_bytes_sent() == 0);
  CHECK(test::read_file(path) == s.bytes);
  CHECK(stat_of(path).st_ino != stat_of(s.mine).st_ino);
  CHECK(stat_of(s.mine).st_nlink == 1);
  {
    std::fstream edit(s.mine, std::ios::binary | std::ios::in | std::ios::out);
    edit.seekp(1000);
    edit << "edited in place";
  }
  CHECK(test::read_file(path) == s.bytes);
  fs::resize_file(s.mine, 10);
  CHECK(test::read_file(path) == s.bytes);
}

std::uint64_t used_bytes(const std::string& path) {
  const auto space = fs::space(path);
  return space.capacity - space.free;
}

}  // namespace

TEST_CASE("index add hashes, remembers the folder, and says what it did; a second run finds all unchanged") {
  shell s;
  s.write("a.bin", "1");
  s.write("sub/b.bin", "22");
  const auto first = s.add();
  CHECK(first.code == 0);
  CHECK(first.out ==
        s.models + ": 2 files, 3.0 in all: 2 hashed, 0 unchanged, 0 by fingerprint, 0 unreadable\n");
  CHECK(s.remembered() == s.models + "\n");
  const auto second = s.add();
  has(second, "0 hashed, 2 unchanged");
  CHECK(second.err.empty());
  CHECK(s.remembered() == s.models + "\n");
}

TEST_CASE("index add -q prints the folder alone; --json one object; --min-size leaves small files alone") {
  shell s;
  s.write("a.bin", "1");
  s.write("b.bin", std::string(2000, 'b'));
  const auto quiet = s.add({"-q", "--min-size", "1K"});
  CHECK(quiet.out == s.models + "\n");
  CHECK(quiet.err.empty());
  const auto json = s.add({"--json"});
  CHECK(json.out.starts_with("{\"folders\": [{\"path\": \"" + s.models + "\", \"kind\": \"folder\""));
  has(json, "\"hashed\": {\"files\": 1, \"bytes\": 1}");
  has(json, "\"unchanged\": {\"files\": 1, \"bytes\": 2000}");
  CHECK(json.out.ends_with("\"complete\": true}\n"));
  CHECK(std::count(json.out.begin(), json.out.end(), '\n') == 1);
}

TEST_CASE("index add refuses what is no folder of models, and then changes nothing") {
  shell s;
  fs::create_directories(s.home / "hf/hub/models--a--b/blobs");
  fs::create_directories(s.home / "hf/hubcache");
  const auto refuse = [&](int code, const std::string& folder, const std::string& text) {
    const auto got = s.run({"index", "add", s.models, folder});
    CHECK(got.code == code);
    has(got, text);
    CHECK(got.out.empty());
    CHECK(s.remembered().empty());
  };
  refuse(9, "/", "whole machine");
  refuse(9, "/proc/self", "no stored files");
  refuse(9, s.home / "hf/hub", "hubcache's own");
  refuse(9, s.home / "hf/hub/models--a--b", "hubcache's own");
  refuse(9, s.home / "hf/hubcache", "hubcache's own");
  refuse(2, s.home / "missing", "No such file");
  refuse(2, s.home.write("file", "1"), "no folder");
  CHECK(s.run({"index", "add"}).code == 2);
  CHECK(s.add({"--min-size", "many"}).code == 2);
}

TEST_CASE("a folder around the cache is indexed without the cache") {
  shell s;
  s.write("a.bin", "1");
  s.hub.put(embedded::tiny());
  CHECK(s.run({"download", "acme/tiny", "-q"}).code == 0);
  const auto got = s.run({"index", "add", s.home.path()});
  CHECK(got.code == 0);
  has(got, ": 1 file, ");
}

TEST_CASE("content that the cache has as well is pointed out") {
  shell s;
  const test::hub_cache cache(s.home / "hf/hub");
  const auto bytes = test::patterned(50'000);
  cache.add("acme/tiny", test::commit_of('a'), {{"model.bin", bytes}});
  s.write("model.bin", bytes);
  s.write("other.bin", "1");
  has(s.add(), "50.0K of it are in the cache as well: `hubcache cache dedupe` would share them");
}

TEST_CASE("a store whose files are known by their names is added without a hash") {
  shell s;
  const test::hub_cache team(s.home / "team");
  team.add("acme/tiny", test::commit_of('a'), {{"model.bin", "weights"}});
  const auto got = s.run({"index", "add", team.path()});
  CHECK(got.code == 0);
  has(got, "1 file, known by name (hub-cache); nothing was hashed");
  CHECK(s.remembered() == team.path() + "\n");
}

TEST_CASE("what cannot be read is named, the rest is done, and the exit code tells") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: needs root, to become another user");
    return;
  }
  shell s;
  s.write("open.bin", "1");
  fs::permissions(s.write("closed.bin", "22"), fs::perms(0600));
  fs::permissions(s.home.path(), fs::perms(0777));
  fs::copy_file(HUBCACHE_COMMAND, s.home / "hubcache");
  fs::permissions(s.home / "hubcache", fs::perms(0755));
  test::process child({"/usr/bin/env", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                       s.home / "hubcache", "index", "add", s.models},
                      s.environment);
  const auto got = test::outcome_of(child);
  CHECK(got.code == 1);
  has(got, s.models + "/closed.bin: Permission denied");
  has(got, "2 files, 3.0 in all: 1 hashed, 0 unchanged, 0 by fingerprint, 1 unreadable");
}

TEST_CASE("Ctrl-C ends it with 130, and the next run continues there") {
  shell s;
  constexpr int files = 60;
  for (int i = 0; i < files; ++i) {
    const auto path = s.write("file" + std::to_string(i), std::to_string(i));
    fs::resize_file(path, 20'000'000);  // sparse
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(10));
  }
  int hashed = 0;
  for (int wait = 200; hashed <= 0; wait *= 2) {
    auto child = s.start({"index", "add", s.models, "--json"});
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    child.signal(SIGINT);
    const int code = child.wait();
    hashed = files_of(child.out(), "hashed");
    if (hashed == files) {
      MESSAGE("skipped: it was done before the signal");
      return;
    }
    CHECK(code == 130);
    if (hashed <= 0) continue;
    CHECK(child.err().find("interrupted") != std::string::npos);
    CHECK(child.out().ends_with("\"complete\": false}\n"));
  }
  CHECK(s.remembered() == s.models + "\n");
  const auto rest = s.add({"--json"});
  CHECK(rest.code == 0);
  CHECK(files_of(rest.out, "unchanged") == hashed);
  CHECK(files_of(rest.out, "hashed") == files - hashed);
}

TEST_CASE("index remove forgets the folder and its files, which stay; others are not touched") {
  shell s;
  s.write("a.bin", "1");
  s.write("kept/b.bin", "22");
  CHECK(s.run({"index", "add", s.models, s.models + "/kept"}).code == 0);
  const auto got = s.run({"index", "remove", s.models});
  CHECK(got.code == 0);
  CHECK(got.out == s.models + ": 1 file forgotten\n");
  CHECK(s.remembered() == s.models + "/kept\n");
  CHECK(fs::exists(s.models + "/a.bin"));
  const auto again = s.run({"index", "remove", s.models});
  CHECK(again.code == 2);
  has(again, "was not added");
  fs::remove_all(s.models);
  CHECK(s.run({"index", "remove", s.models + "/kept", "--json"}).out ==
        "{\"folders\": [{\"path\": \"" + s.models + "/kept\", \"forgotten\": 1}]}\n");
  CHECK(s.remembered().empty());
}

TEST_CASE("on btrfs a download shares the blocks of ComfyUI's file, and later edits there stay there") {
  const auto disk = test::mounted::image("mkfs.btrfs -q", "200m");
  if (!disk) return;
  comfy s(disk->path());
  ::sync();
  const auto before = used_bytes(disk->path());
  REQUIRE(s.add().code == 0);
  s.download();
  ::sync();
  CHECK(used_bytes(disk->path()) < before + 2'000'000);
  check_isolation(s);
}

TEST_CASE("on ext4 a download copies ComfyUI's file, and later edits there stay there") {
  const auto disk = test::mounted::image("mkfs.ext4 -q", "64m");
  if (!disk) return;
  comfy s(disk->path());
  check_isolation(s);
}

TEST_CASE("a file of ComfyUI that was edited after it was indexed is not used") {
  comfy s(fs::canonical(fs::temp_directory_path()));
  REQUIRE(s.add().code == 0);
  auto edited = s.bytes;
  edited[5] ^= 1;
  s.write("checkpoints/mine.safetensors", edited);
  CHECK(test::read_file(s.download()) == s.bytes);
  CHECK(s.hub.log().content_bytes_sent() == s.bytes.size());
}

TEST_CASE("what only its owner may read in ComfyUI's folder stays so in the cache") {
  comfy s(fs::canonical(fs::temp_directory_path()));
  fs::permissions(s.mine, fs::perms(0600));
  REQUIRE(s.add().code == 0);
  const auto path = s.download();
  CHECK(test::read_file(path) == s.bytes);
  CHECK(s.hub.log().content_bytes_sent() == 0);
  CHECK((stat_of(path).st_mode & 0077U) == 0);
}
