#include <hubcache/error.hpp>
#include <hubcache/link/first_of.hpp>
#include <hubcache/store/edit.hpp>
#include <hubcache/store/local_layout.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <store/placed.hpp>
#include <string>
#include <support/hub_cache.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::link_kind;
using hubcache::make_private;
using test::read_file;
using test::status;

namespace {

const hubcache::default_link links;
const std::string weights = test::patterned(100'000);

/// A Hub cache with one snapshot.
struct scene {
  scene() {
    cache.add("acme/tiny", commit, {{"config.json", "{}"}, {"deep/weights", weights}});
    fs::permissions(blob(weights), fs::perms(0444));
  }
  [[nodiscard]] std::string entry(const std::string& path) const {
    return cache.layout("acme/tiny").snapshot(commit) + "/" + path;
  }
  [[nodiscard]] std::string blob(const std::string& bytes) const { return cache.blob("acme/tiny", bytes); }
  /// Names in blobs/.
  [[nodiscard]] std::size_t blobs() const { return test::names_in(cache.layout("acme/tiny").blobs_dir()); }

  test::temp_folder home;
  test::hub_cache cache{home / "hub"};
  std::string commit = test::commit_of('a');
};

std::optional<hubcache::error> failure(const std::string& path) {
  try {
    static_cast<void>(make_private(path, links));
  } catch (const hubcache::error& e) {
    return e;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("An entry of a snapshot becomes a writable file of its own; the blob stays as it was") {
  scene s;
  const auto before = status(s.blob(weights));
  const auto made = make_private(s.entry("deep/weights"), links);
  CHECK(made.path == s.entry("deep/weights"));
  CHECK(made.source == fs::canonical(s.blob(weights)));
  REQUIRE(made.link);
  CHECK((made.link == link_kind::reflink || made.link == link_kind::copy));
  const auto entry = status(made.path);
  CHECK(entry.regular);
  CHECK(entry.links == 1);
  CHECK(entry.mode == hubcache::os::default_file_mode());
  std::fstream(made.path, std::ios::in | std::ios::out) << "edited";
  CHECK(read_file(made.path) == "edited" + weights.substr(6));
  CHECK(read_file(s.blob(weights)) == weights);
  CHECK(status(s.blob(weights)).identity == before.identity);
  CHECK(s.blobs() == 2);
  CHECK(fs::is_symlink(s.entry("config.json")));
}

TEST_CASE("A file that is private already is left alone") {
  scene s;
  static_cast<void>(make_private(s.entry("deep/weights"), links));
  const auto before = status(s.entry("deep/weights")).identity;
  const auto again = make_private(s.entry("deep/weights"), links);
  CHECK_FALSE(again.link);
  CHECK(again.source.empty());
  CHECK(status(s.entry("deep/weights")).identity == before);
}

TEST_CASE("A file that shares its inode or cannot be written to is replaced by one of its own") {
  scene s;
  fs::remove(s.entry("config.json"));
  fs::create_hard_link(s.blob("{}"), s.entry("config.json"));
  CHECK(make_private(s.entry("config.json"), links).link);
  CHECK(status(s.blob("{}")).links == 1);
  fs::permissions(s.entry("config.json"), fs::perms(0444));
  CHECK(make_private(s.entry("config.json"), links).link);
  CHECK((status(s.entry("config.json")).mode & 0200U) != 0);
  CHECK(read_file(s.entry("config.json")) == "{}");
}

TEST_CASE("An entry is found by a relative path and through a symlink to its folder") {
  scene s;
  fs::create_directory_symlink(s.home / "hub", s.home / "other");
  const auto relative = fs::path(s.entry("config.json")).lexically_relative(s.home / "hub");
  const auto path = s.home / ("other/" + relative.string());
  CHECK(make_private(path, links).path == path);
  CHECK(status(s.entry("config.json")).regular);
  const auto before = fs::current_path();
  fs::current_path(s.entry("deep"));
  CHECK(make_private("weights", links).link);
  fs::current_path(before);
  CHECK(status(s.entry("deep/weights")).regular);
}

TEST_CASE("A payload that lies behind the blob's symlink is copied; a private one stays private") {
  scene s;
  const auto payload = s.home.write("store/payload", weights);
  fs::permissions(s.home / "store", fs::perms(0700));
  fs::remove(s.blob(weights));
  fs::create_symlink(payload, s.blob(weights));
  const auto made = make_private(s.entry("deep/weights"), links);
  CHECK(made.source == payload);
  CHECK(status(made.path).mode == 0600);
  CHECK(fs::is_symlink(s.blob(weights)));
}

TEST_CASE("A file of a local folder is private; an older client's symlink in one is replaced") {
  scene s;
  std::error_code ec;
  make_local_folders(hubcache::local_layout(s.home / "mine"), ec);
  const auto own = s.home.write("mine/deep/own", "own");
  CHECK_FALSE(make_private(own, links).link);
  fs::create_symlink(s.blob(weights), s.home / "mine/weights");
  CHECK(make_private(s.home / "mine/weights", links).link);
  CHECK(read_file(s.home / "mine/weights") == weights);
  CHECK(status(s.home / "mine/weights").regular);
  CHECK(read_file(s.blob(weights)) == weights);
}

TEST_CASE("What is no entry of a view is refused, with the reason, and stays") {
  scene s;
  std::error_code ec;
  make_local_folders(hubcache::local_layout(s.home / "mine"), ec);
  CHECK(failure(s.blob(weights))->reason() == errc::refused);
  CHECK(failure(s.blob(weights))->detail().find("blob") != std::string::npos);
  CHECK(failure(s.home.write("elsewhere/file", "x"))->reason() == errc::invalid_argument);
  CHECK(failure(s.entry("deep"))->reason() == errc::invalid_argument);
  CHECK(failure(s.home / "mine/.cache/huggingface/.gitignore")->reason() == errc::invalid_argument);
  CHECK(failure(s.cache.layout("acme/tiny").ref("main"))->reason() == errc::invalid_argument);
  CHECK(failure(s.entry("missing"))->reason() == errc::disk_failed);
  CHECK(failure("/")->reason() == errc::invalid_argument);
  CHECK(read_file(s.blob(weights)) == weights);
}

TEST_CASE("An entry that leads elsewhere than to its repo's blobs is refused") {
  scene s;
  const auto secret = s.home.write("secret", "secret");
  for (const auto& target : {secret, std::string("../../refs/main"), std::string("config.json")}) {
    fs::remove(s.entry("planted"));
    fs::create_symlink(target, s.entry("planted"));
    CHECK(failure(s.entry("planted"))->reason() == errc::refused);
    CHECK(fs::is_symlink(s.entry("planted")));
  }
}

TEST_CASE("An entry whose blob is gone says so") {
  scene s;
  fs::remove(s.blob("{}"));
  CHECK(failure(s.entry("config.json"))->reason() == errc::not_cached);
}
