#include <hubcache/index/memory_index.hpp>
#include <hubcache/store/scan.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <span>
#include <store/contents.hpp>
#include <string>
#include <support/temp_folder.hpp>
#include <vector>

namespace fs = std::filesystem;
using hubcache::hub_scan;
using hubcache::memory_index;
using hubcache::remember_scan;
using hubcache::scan_hub_cache;
using hubcache::trust;
using test::content_of;
using test::temp_folder;

namespace {

const std::string git_hex = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

/// A Hub cache of another client, and hubcache's state.
struct machine {
  temp_folder home;
  std::string cache = home / "hub";
  std::string state = home / "state";
  memory_index index;

  /// Adds a blob named by the digest of its bytes; returns its path.
  std::string add(const std::string& repo, const std::string& bytes) const {
    return home.write("hub/" + repo + "/blobs/" + content_of(bytes).name.hex(), bytes);
  }
  [[nodiscard]] hub_scan scan() { return scan_hub_cache(cache, state, index); }
  void remember(const hub_scan& seen) { remember_scan(seen, state, index); }
  /// Makes a blobs/ folder look as if nothing changed in it lately.
  void settle(const std::string& repo) const {
    fs::last_write_time(cache + "/" + repo + "/blobs",
                        fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
  /// Every name below home, and when it was modified.
  [[nodiscard]] std::map<std::string, fs::file_time_type> everything() const {
    std::map<std::string, fs::file_time_type> seen;
    for (const auto& entry : fs::recursive_directory_iterator(home.path())) {
      seen[entry.path().string()] = entry.last_write_time();
    }
    return seen;
  }
};

/// An index that stores nothing.
struct refusing_index {
  [[nodiscard]] std::vector<hubcache::place> find(const hubcache::digest&) const { return {}; }
  std::size_t insert(std::span<const hubcache::index_record>) { return 0; }
  void forget(const hubcache::digest&, const std::string&) {}
  void each(hubcache::record_visitor) const {}
  [[nodiscard]] std::uint64_t size() const { return 1; }
};

}  // namespace

TEST_CASE("Blobs that the index does not know become claims, named by their file names") {
  machine m;
  const auto path = m.add("models--a--b", "bytes");
  m.home.write("hub/datasets--c/blobs/" + git_hex, "not hashed");
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 2);
  const auto claim = std::find_if(seen.claims.begin(), seen.claims.end(),
                                  [&](const auto& c) { return c.name == content_of("bytes").name; });
  REQUIRE(claim != seen.claims.end());
  CHECK(claim->where.path == path);
  CHECK(claim->where.state == trust::claimed);
  CHECK(claim->where.store == hubcache::mutability::immutable_store);
  CHECK(claim->where.identity.size == 5);
}

TEST_CASE("A scan writes nothing and inserts nothing") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle("models--a--b");
  const auto before = m.everything();
  (void)m.scan();
  CHECK(m.everything() == before);
  CHECK(m.index.size() == 0);
}

TEST_CASE("Names that are no digests, unfinished files, folders and dangling links are no claims") {
  machine m;
  const auto hex = content_of("x").name.hex();
  for (const auto& name : {hex + ".12345678.incomplete", hex + ".incomplete", hex.substr(1),
                           std::string("README"), std::string(64, 'G')}) {
    m.home.write("hub/models--a--b/blobs/" + name, "x");
  }
  fs::create_directory(m.cache + "/models--a--b/blobs/" + hex);
  fs::create_symlink("nowhere", m.cache + "/models--a--b/blobs/" + git_hex);
  CHECK(m.scan().claims.empty());
}

TEST_CASE("What is no repo folder is not looked into") {
  machine m;
  const auto hex = content_of("x").name.hex();
  m.home.write("hub/blobs/" + hex, "x");
  m.home.write("hub/.locks/blobs/" + hex, "x");
  m.home.write("hub/plain/blobs/" + hex, "x");
  m.home.write("hub/models--file", "x");
  m.home.write("hub/models--a--b/blobs", "x");
  CHECK(m.scan().claims.empty());
}

TEST_CASE("A blob that links into the shared store is claimed where its bytes lie") {
  machine m;
  m.home.write("hub/blobs/ab/payload", "bytes");
  fs::create_directories(m.cache + "/models--a--b/blobs");
  const auto name = content_of("bytes").name;
  fs::create_symlink("../../blobs/ab/payload", m.cache + "/models--a--b/blobs/" + name.hex());
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].name == name);
  CHECK(seen.claims[0].where.path == m.cache + "/blobs/ab/payload");
}

TEST_CASE("What was remembered is in the index, and not claimed again") {
  machine m;
  m.add("models--a--b", "bytes");
  m.remember(m.scan());
  CHECK(m.index.find(content_of("bytes").name).size() == 1);
  CHECK(m.scan().claims.empty());
}

TEST_CASE("A folder that did not change since is not read again") {
  machine m;
  m.add("models--a--b", "one");
  m.settle("models--a--b");
  m.remember(m.scan());
  m.add("models--a--b", "two");
  m.settle("models--a--b");
  const auto time = fs::last_write_time(m.cache + "/models--a--b/blobs");
  m.remember(m.scan());
  m.add("models--a--b", "hidden");
  fs::last_write_time(m.cache + "/models--a--b/blobs", time);
  CHECK(m.scan().claims.empty());
  m.settle("models--a--b");
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].name == content_of("hidden").name);
}

TEST_CASE("A folder that changed just now is read again: it may change once more within the same tick") {
  machine m;
  m.add("models--a--b", "one");
  const auto time = fs::last_write_time(m.cache + "/models--a--b/blobs");
  m.remember(m.scan());
  m.add("models--a--b", "two");
  fs::last_write_time(m.cache + "/models--a--b/blobs", time);
  CHECK(m.scan().claims.size() == 1);
}

TEST_CASE("After the index was lost every folder is read again") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle("models--a--b");
  m.remember(m.scan());
  memory_index lost;
  CHECK(scan_hub_cache(m.cache, m.state, lost).claims.size() == 1);
}

TEST_CASE("A verified record stays verified while its file is the same") {
  machine m;
  m.add("models--a--b", "bytes");
  auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  seen.claims[0].where.state = trust::verified;
  m.index.insert(seen.claims);
  m.remember(m.scan());
  const auto places = m.index.find(content_of("bytes").name);
  REQUIRE(places.size() == 1);
  CHECK(places[0].state == trust::verified);
}

TEST_CASE("A blob whose file changed since is a claim again") {
  machine m;
  const auto path = m.add("models--a--b", "bytes");
  auto seen = m.scan();
  seen.claims.at(0).where.state = trust::verified;
  m.index.insert(seen.claims);
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].where.state == trust::claimed);
}

TEST_CASE("An index that takes no records is asked again: nothing counts as scanned") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle("models--a--b");
  refusing_index index;
  remember_scan(scan_hub_cache(m.cache, m.state, index), m.state, index);
  CHECK(scan_hub_cache(m.cache, m.state, index).claims.size() == 1);
}

TEST_CASE("What is remembered of scans may be damaged: it is only read again") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle("models--a--b");
  m.remember(m.scan());
  m.add("models--a--b", "new");
  m.settle("models--a--b");
  for (const char* damaged : {"", "\n\n", "x", "1", "1 ", "99999999999999999999 /x\n", "-5 /hub/x\n\0\xff"}) {
    m.home.write("state/scanned", damaged);
    CHECK(m.scan().claims.size() == 1);
  }
}

TEST_CASE("What is remembered is private, and not written again without need") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle("models--a--b");
  m.remember(m.scan());
  std::error_code ec;
  CHECK(hubcache::os::status(m.state, ec).mode == 0700);
  CHECK(hubcache::os::status(m.state + "/scanned", ec).mode == 0600);
  const auto before = hubcache::os::status(m.state + "/scanned", ec).identity;
  m.remember(m.scan());
  CHECK(hubcache::os::status(m.state + "/scanned", ec).identity == before);
}

TEST_CASE("A cache that does not exist holds nothing") {
  machine m;
  const auto seen = m.scan();
  CHECK(seen.claims.empty());
  CHECK(seen.folders.empty());
}

TEST_CASE("A folder that could not be read is read once it can be") {
  if (hubcache::os::effective_user() == 0) return;  // whom no mode keeps out
  machine m;
  m.add("models--a--b", "bytes");
  m.settle("models--a--b");
  m.add("models--c--d", "other");
  m.settle("models--c--d");
  const auto blobs = m.cache + "/models--a--b/blobs";
  fs::permissions(blobs, fs::perms::none);
  auto seen = m.scan();
  fs::permissions(blobs, fs::perms::owner_all);
  CHECK(seen.claims.size() == 1);
  m.remember(seen);
  CHECK(m.scan().claims.size() == 1);
}
