// Files of the cache and of the state folder that hold what nobody wrote there: a run ends well or with an error, and
// what it gives out is right.
#include <doctest/doctest.h>

#include <cstdlib>
#include <support/machine.hpp>
#include <unistd.h>

namespace fs = std::filesystem;
using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;

namespace {

struct scene {
  scene() {
    hub.put(embedded::tiny());
    hub.put(embedded::twin_of(embedded::tiny()));
  }
  embedded::hub hub;
};

/// Relative to the home, of all regular files that are neither content nor locks.
std::vector<std::string> books_of(const machine& here) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(here.home.path())) {
    const auto path = entry.path().lexically_relative(here.home.path()).string();
    const bool content = path.find("/blobs/") != path.npos ||
                         (path.starts_with("local/") && !path.starts_with("local/.cache/"));
    if (entry.is_regular_file() && !entry.is_symlink() && !content) found.push_back(path);
  }
  return found;
}

/// Bytes that no format of ours has.
std::vector<std::string> rubbish(const std::string& right) {
  std::string binary;
  for (std::size_t i = 0; i < 5000; ++i) binary += static_cast<char>(i * 167 + i / 256);
  auto flipped = right;
  for (std::size_t i = 0; i < flipped.size(); i += 7) flipped[i] = static_cast<char>(~flipped[i]);
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += "{\"a\":[";
  return {"",
          binary,
          flipped,
          right.substr(0, right.size() / 2),
          right + right,
          nested,
          std::string(3000, '\xff'),
          "../../../../etc/passwd\n"};
}

}  // namespace

TEST_CASE("whatever stands in refs, listings, index, ledger and records, what a run gives out is right") {
  scene s;
  const auto files = embedded::tiny().files();
  std::size_t turn = 0;
  machine model(s.hub);
  const auto local = [](const machine& here) {
    return snapshot_options().with_local_dir(here.home / "local");
  };
  const auto fill = [&](machine& here) {
    here.snapshot("acme/tiny");
    here.snapshot("acme/tiny", local(here));
  };
  fill(model);
  const bool full = std::getenv("HUBCACHE_TEST_FULL") != nullptr;
  for (const auto& path : books_of(model)) {
    const auto kinds = rubbish(test::read_file(model.home / path));
    for (std::size_t k = 0; k < (full ? kinds.size() : 1); ++k) {
      CAPTURE(path);
      const auto& bytes = kinds[turn++ % kinds.size()];
      CAPTURE(bytes.substr(0, 40));
      machine here(s.hub);
      fill(here);
      if (!fs::exists(here.home / path)) continue;  // named after the home
      fs::permissions(here.home / path, fs::perms(0600));
      std::ofstream(here.home / path, std::ios::binary | std::ios::trunc) << bytes;
      CHECK(test::holds(here.snapshot("acme/tiny"), files));
      CHECK(test::holds(here.snapshot("other/twin"), files));
      CHECK(test::holds(here.snapshot("acme/tiny", local(here)), files));
      here.config.offline = true;
      try {
        CHECK(test::holds(here.snapshot("acme/tiny"), files));
      } catch (const hubcache::error& e) {
        CHECK(e.reason() == errc::not_cached);
      }
    }
  }
}

TEST_CASE("a listing on disk that names paths outside of the snapshot is not believed") {
  scene s;
  machine here(s.hub);
  const auto commit = here.snapshot("acme/tiny").commit;
  const auto tree = here.repo_dir("acme/tiny") / "trees" / (commit + ".json");
  const std::string blob(40, 'b');
  for (const auto* path : {"../../../../../x", "/x", "a\\u0000b", ".git/config", "a//b"}) {
    CAPTURE(path);
    std::ofstream(tree) << R"({"format_version": 1, "files": {")" << path << R"(": {"size": 1, "blob_id": ")"
                        << blob << "\"}}}";
    CHECK(test::holds(here.snapshot("acme/tiny", snapshot_options().with_revision(commit)),
                      embedded::tiny().files()));
  }
}

TEST_CASE("a ref that names no commit is asked for again, and offline is as good as none") {
  scene s;
  machine here(s.hub);
  const auto commit = here.snapshot("acme/tiny").commit;
  const auto ref = here.repo_dir("acme/tiny") / "refs/main";
  for (const auto& text :
       {std::string("../../../x"), std::string(40, 'G'), commit + "0", std::string(100'000, '0')}) {
    std::ofstream(ref) << text;
    here.config.offline = true;
    CHECK(here.failure("acme/tiny")->reason() == errc::not_cached);
    here.config.offline = false;
    CHECK(here.snapshot("acme/tiny").commit == commit);
    CHECK(test::read_file(ref) == commit);
  }
}

TEST_CASE("an index that another user could have written is not believed") {
  if (::geteuid() != 0) return;
  scene s;
  machine here(s.hub);
  here.snapshot("acme/tiny");
  for (const auto& file : fs::directory_iterator(fs::path(here.config.state_dir) / "index")) {
    REQUIRE(::lchown(file.path().c_str(), 12345, 12345) == 0);
  }
  CHECK(hubcache::mapped_index(here.config.state_dir + "/index").size() == 0);
  CHECK(test::holds(here.snapshot("other/twin"), embedded::tiny().files()));
}
