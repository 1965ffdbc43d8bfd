// What an organisation requires, end to end: what is refused, what was transferred, what is on disk afterwards.
#include <hubcache/prepare.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>
#include <support/zip.hpp>

using embedded::file_content;
using hubcache::errc;
using hubcache::requirement;
using hubcache::snapshot_options;
using test::machine;
using namespace std::string_literals;

namespace {

const std::string pickle = "\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94."s;

/// `text` made a content of `size` bytes: above 1 MiB it is fetched into a partial, below into memory.
std::string grown(std::string text, std::size_t size) {
  text.resize(std::max(text.size(), size), 'x');
  return text;
}

snapshot_options requiring(hubcache::requirements all) {
  snapshot_options options;
  options.require = all;
  return options;
}

/// acme/mixed: a safetensors file, a small text, and `more`.
struct scene {
  explicit scene(embedded::file_map more = {}) {
    more["config.json"] = embedded::regular("{\"a\": 1}");
    more["model.safetensors"] = embedded::lfs(file_content::generated(7, 100'000));
    files = more;
    commit = repo.commit(std::move(more));
    hub.put(repo);
  }
  [[nodiscard]] std::size_t content_requests() {
    return hub.log().count([](const auto& r) {
      return r.where == embedded::listener::cdn || r.path.find("/resolve") != r.path.npos;
    });
  }
  [[nodiscard]] bool has_blob(const std::string& path) const {
    return std::filesystem::exists(here.blob(id, files.at(path).etag()));
  }
  [[nodiscard]] bool has_view() const {
    return std::filesystem::exists(here.repo_dir(id) / "snapshots" / commit);
  }

  const hubcache::repo id{"acme/mixed"};
  embedded::repo_model repo{"acme/mixed"};
  embedded::file_map files;
  std::string commit;
  embedded::hub hub;
  machine here{hub};
};

embedded::file_map one(const std::string& path, embedded::repo_file file) {
  embedded::file_map files;
  files[path] = std::move(file);
  return files;
}

/// The lock of the scene's repo, and what it says of `path`.
hubcache::locked_repo lock_of(scene& s) {
  machine elsewhere(s.hub);
  auto lock = hubcache::lock_of(elsewhere.snapshot(s.id), hubcache::default_hashes(), {});
  s.hub.log().clear();
  return lock;
}
hubcache::locked_file& entry(hubcache::locked_repo& lock, const std::string& path) {
  return *std::find_if(lock.files.begin(), lock.files.end(), [&](const auto& f) { return f.path == path; });
}

snapshot_options locked_to(const hubcache::locked_repo& lock) {
  snapshot_options options;
  options.revision = lock.commit;
  options.lock = lock;
  for (const auto& file : lock.files) options.files.push_back(file.path);
  return options;
}

}  // namespace

TEST_CASE("with safetensors required, a pickle by name is refused by the plan, before a byte of content") {
  scene s(one("sub/pytorch_model.bin", embedded::lfs(file_content::generated(8, 5000))));
  const auto failure = s.here.failure(s.id, requiring(requirement::safetensors));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::disallowed);
  CHECK(failure->context().repo == "acme/mixed");
  CHECK(failure->detail().find("sub/pytorch_model.bin; leave out what you do not need: '*.bin'") !=
        std::string::npos);
  CHECK(s.content_requests() == 0);
  CHECK_FALSE(std::filesystem::exists(s.here.repo_dir(s.id)));
  hubcache::cache cache(s.here.config);
  CHECK_THROWS_AS(static_cast<void>(cache.plan(s.id, requiring(requirement::safetensors))), hubcache::error);
}

TEST_CASE("with the pickles left out the rest comes") {
  scene s(one("pytorch_model.bin", embedded::lfs(file_content::generated(8, 5000))));
  auto options = requiring(requirement::safetensors);
  options.ignore = {"*.bin"};
  CHECK(s.here.snapshot(s.id, options).files.size() == 2);
  CHECK_FALSE(s.has_blob("pytorch_model.bin"));
}

TEST_CASE("a pickle under another name is refused by its content, small or large, and gets no name") {
  for (const std::size_t size : {100U, 3'000'000U}) {
    for (const auto& bytes : {grown(pickle, size), "PK\3\4"s + std::string(size, 'x')}) {
      scene s(one("weights.dat", embedded::lfs(file_content::of(bytes))));
      const auto failure = s.here.failure(s.id, requiring(requirement::safetensors));
      REQUIRE(failure);
      CHECK(failure->reason() == errc::disallowed);
      CHECK(failure->context().file == "weights.dat");
      CHECK_FALSE(s.has_blob("weights.dat"));
      CHECK_FALSE(s.has_view());
    }
  }
}

TEST_CASE("a zip archive with a pickle is refused by its content, one without is not") {
  scene bad(one("weights.dat", embedded::lfs(file_content::of(test::zip_of({"m/data.pkl"}, true)))));
  const auto failure = bad.here.failure(bad.id, requiring(requirement::safetensors));
  REQUIRE(failure);
  CHECK(failure->detail() ==
        "its content is a zip archive with the pickle m/data.pkl, which may run code when it is loaded");
  scene good(one("arrays.npz", embedded::lfs(file_content::of(test::zip_of({"a.npy"})))));
  CHECK(test::holds(good.here.snapshot(good.id, requiring(requirement::safetensors)), good.files));
}

TEST_CASE("a large pickle that was refused is not fetched again, neither refused nor allowed") {
  scene s(one("weights.dat", embedded::lfs(file_content::of(grown(pickle, 3'000'000)))));
  s.here.failure(s.id, requiring(requirement::safetensors));
  s.here.failure(s.id, requiring(requirement::safetensors));
  const auto got = s.here.snapshot(s.id);
  CHECK(test::holds(got, s.files));
  CHECK(got.totals.bytes_wire < 1'000'000);
}

TEST_CASE("a pickle is refused where it would be linked from another repo, and is not fetched instead") {
  for (const std::size_t size : {100U, 3'000'000U}) {
    scene s(one("weights.dat", embedded::lfs(file_content::of(grown(pickle, size)))));
    embedded::repo_model twin("other/twin");
    twin.commit(one("raw.dat", embedded::lfs(file_content::of(grown(pickle, size)))));
    s.hub.put(twin);
    s.here.snapshot("other/twin");
    s.hub.log().clear();
    auto options = requiring(requirement::safetensors);
    options.allow = {"*.dat"};
    const auto failure = s.here.failure(s.id, options);
    REQUIRE(failure);
    CHECK(failure->reason() == errc::disallowed);
    CHECK(failure->context().file == "weights.dat");
    CHECK_FALSE(s.has_blob("weights.dat"));
    CHECK(s.content_requests() == 0);
  }
}

TEST_CASE("a pickle that the cache has already is refused, online and offline, by commit and by branch") {
  scene s(one("weights.dat", embedded::lfs(file_content::of(pickle))));
  s.here.snapshot(s.id);
  for (const bool offline : {false, true}) {
    for (const auto& revision : {s.commit, "main"s}) {
      s.here.config.offline = offline;
      auto options = requiring(requirement::safetensors);
      options.revision = revision;
      const auto failure = s.here.failure(s.id, options);
      REQUIRE(failure);
      CHECK(failure->reason() == errc::disallowed);
      CHECK(failure->context().file == "weights.dat");
    }
  }
}

TEST_CASE("a pickle is refused in a local folder, before it lies there and after") {
  scene s(one("weights.dat", embedded::lfs(file_content::of(pickle))));
  auto options = requiring(requirement::safetensors).with_local_dir(s.here.home / "out");
  CHECK(s.here.failure(s.id, options)->reason() == errc::disallowed);
  CHECK_FALSE(std::filesystem::exists(s.here.home / "out/weights.dat"));
  s.here.snapshot(s.id, snapshot_options().with_local_dir(s.here.home / "out"));
  CHECK(s.here.failure(s.id, options)->reason() == errc::disallowed);
}

TEST_CASE("what the settings require no option takes back, and cached() does not go around it") {
  scene s(one("weights.dat", embedded::lfs(file_content::of(pickle))));
  const auto got = s.here.snapshot(s.id);
  s.here.config.require = requirement::safetensors;
  CHECK(s.here.failure(s.id)->reason() == errc::disallowed);
  hubcache::cache cache(s.here.config);
  CHECK_FALSE(cache.cached(s.id, snapshot_options().with_revision(got.commit)));
}

TEST_CASE("with the scan required, files are asked for by name, and the safe ones come") {
  scene s;
  const auto got = s.here.snapshot(s.id, requiring(requirement::scan));
  CHECK(test::holds(got, s.files));
  CHECK(s.hub.log().count([](const auto& r) { return r.path.find("/paths-info/") != r.path.npos; }) == 1);
}

TEST_CASE("every status but safe is refused by name before a byte of content; so is none") {
  for (const auto* status : {"unsafe", "suspicious", "queued", "unscanned", "error", ""}) {
    auto file = embedded::regular("text");
    file.scan = status;
    scene s(one("notes.txt", file));
    const auto failure = s.here.failure(s.id, requiring(requirement::scan));
    REQUIRE(failure);
    CHECK(failure->reason() == errc::disallowed);
    const auto shown = *status == '\0' ? "no status"s : std::string(status);
    CHECK(failure->detail().starts_with("1 file is not safe by the Hub's scans: notes.txt (" + shown + ");"));
    CHECK(s.content_requests() == 0);
    auto options = requiring(requirement::scan);
    options.ignore = {"notes.txt"};
    CHECK(s.here.snapshot(s.id, options).files.size() == 2);
  }
}

TEST_CASE("the status of many files takes one request for a hundred") {
  embedded::hub hub;
  hub.put(embedded::many_files(250));
  machine here(hub);
  CHECK(here.snapshot("acme/many", requiring(requirement::scan)).files.size() == 251);
  CHECK(hub.log().count([](const auto& r) { return r.path.find("/paths-info/") != r.path.npos; }) == 3);
}

TEST_CASE("the scan is asked for again of what is in the cache; offline nobody can say") {
  scene s(one("notes.txt", embedded::regular("text")));
  const auto got = s.here.snapshot(s.id, requiring(requirement::scan));
  auto model = s.hub.get("acme/mixed");
  model.commits.at(got.commit).files.at("notes.txt").scan = "unsafe";
  s.hub.put(model);
  auto options = requiring(requirement::scan);
  options.revision = got.commit;
  CHECK(s.here.failure(s.id, options)->detail().find("notes.txt (unsafe)") != std::string::npos);
  s.here.config.offline = true;
  const auto failure = s.here.failure(s.id, options);
  CHECK(failure->reason() == errc::disallowed);
  CHECK(failure->detail() == "the Hub cannot be asked for the results of its scans");
}

TEST_CASE("a Hub that fails to tell the status lets nothing through") {
  scene s;
  s.hub.inject(embedded::fault(embedded::status(500)).on("/paths-info/").repeated(99));
  const auto failure = s.here.failure(s.id, requiring(requirement::scan));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::server_failed);
  CHECK(s.content_requests() == 0);
}

TEST_CASE("with sha256 required, files that git alone names are refused without a lock, and come with one") {
  scene s;
  const auto failure = s.here.failure(s.id, requiring(requirement::sha256));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::disallowed);
  CHECK(failure->detail().find("config.json;") != std::string::npos);
  CHECK(failure->detail().find("model.safetensors") == std::string::npos);
  CHECK(s.content_requests() == 0);
  auto options = locked_to(lock_of(s));
  options.require = requirement::sha256;
  CHECK(test::holds(s.here.snapshot(s.id, options), s.files));
}

TEST_CASE("a lock brings its files, and offline the same again without a request") {
  scene s;
  const auto options = locked_to(lock_of(s));
  CHECK(test::holds(s.here.snapshot(s.id, options), s.files));
  s.hub.stop();
  s.here.config.offline = true;
  const auto again = s.here.snapshot(s.id, options);
  CHECK(test::holds(again, s.files));
  CHECK(again.totals.requests == 0);
}

TEST_CASE("a lock follows no branch: another commit is a mismatch that names both") {
  scene s;
  const auto lock = lock_of(s);
  auto model = s.hub.get("acme/mixed");
  const auto next = model.commit(s.files, "Another");
  s.hub.put(model);
  auto options = locked_to(lock);
  options.revision = "main";
  const auto failure = s.here.failure(s.id, options);
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(failure->detail() == "the lock file has commit " + s.commit + ", found is " + next);
  CHECK(test::holds(s.here.snapshot(s.id, locked_to(lock)), s.files));
}

TEST_CASE("a size or sha256 other than the listing's is told with both values before a byte of content") {
  scene s;
  auto lock = lock_of(s);
  entry(lock, "config.json").size = 9;
  auto failure = s.here.failure(s.id, locked_to(lock));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(failure->detail() == "the lock file has 9 bytes, the listing 8");
  lock = lock_of(s);
  entry(lock, "model.safetensors").sha256 = {};
  failure = s.here.failure(s.id, locked_to(lock));
  REQUIRE(failure);
  CHECK(failure->context().file == "model.safetensors");
  CHECK(failure->detail().find(s.files.at("model.safetensors").etag()) != std::string::npos);
  CHECK(s.content_requests() == 0);
}

TEST_CASE("a git file whose content is not the locked one gets no name: fetched, linked or present") {
  for (const std::size_t size : {8U, 3'000'000U}) {
    scene s(one("data.txt", embedded::regular(std::string(size, 'd'))));
    auto lock = lock_of(s);
    const auto right = entry(lock, "data.txt").sha256;
    entry(lock, "data.txt").sha256 = {};
    const auto refused = [&](const hubcache::settings& config) {
      s.here.config = config;
      const auto failure = s.here.failure(s.id, locked_to(lock));
      REQUIRE(failure);
      CHECK(failure->reason() == errc::lock_mismatch);
      CHECK(failure->context().file == "data.txt");
      CHECK(failure->detail() ==
            "the lock file has sha256 " + hubcache::digest().hex() + ", the content has " + right.hex());
    };
    const auto config = s.here.config;
    refused(config);  // fetched
    CHECK_FALSE(s.has_blob("data.txt"));
    embedded::repo_model twin("other/twin");
    twin.commit(s.files);
    s.hub.put(twin);
    s.here.snapshot("other/twin");
    refused(config);  // linked
    CHECK_FALSE(s.has_blob("data.txt"));
    CHECK_FALSE(s.has_view());
    s.here.snapshot(s.id);
    REQUIRE(s.has_blob("data.txt"));
    refused(config);  // present
    auto offline = config;
    offline.offline = true;
    refused(offline);
  }
}

TEST_CASE("one content under two paths must have one sha256 in the lock") {
  scene s(one("copy.json", embedded::regular("{\"a\": 1}")));
  auto lock = lock_of(s);
  entry(lock, "copy.json").sha256 = {};
  const auto failure = s.here.failure(s.id, locked_to(lock));
  REQUIRE(failure);
  CHECK(failure->reason() == errc::lock_mismatch);
  CHECK(s.content_requests() == 0);
}

TEST_CASE("a lock refuses what it does not name, and the lock of another repo") {
  scene s;
  auto lock = lock_of(s);
  snapshot_options options;
  options.lock = lock;
  options.lock->files.pop_back();
  CHECK(s.here.failure(s.id, options)->reason() == errc::lock_mismatch);
  options.lock->repo = "acme/other";
  CHECK(s.here.failure(s.id, options)->reason() == errc::invalid_argument);
}
