#include <hubcache/store/scan.hpp>

#include <doctest/doctest.h>

#include <span>
#include <store/scanning.hpp>
#include <support/hub_cache.hpp>
#include <support/unprivileged.hpp>
#include <utility>

namespace fs = std::filesystem;
using hubcache::memory_index;
using hubcache::mutability;
using hubcache::remember_scan;
using hubcache::scan_stores;
using hubcache::store_kind;
using hubcache::store_origin;
using hubcache::trust;
using test::content_of;
using machine = test::scanned_machine;
using paths = std::vector<std::string>;

namespace {

const std::string git_hex = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
const std::string commit(40, 'c');
const std::string xet(64, '7');

/// A listing of one LFS file, as huggingface_hub writes it.
std::string tree_of(const std::string& path, const std::string& bytes) {
  return R"({"format_version": 1, "files": {")" + path + R"(": {"size": )" + std::to_string(bytes.size()) +
         R"(, "blob_id": ")" + git_hex + R"(", "lfs_sha256": ")" + machine::hex(bytes) +
         R"(", "lfs_size": )" + std::to_string(bytes.size()) + R"(, "xet_hash": ")" + xet + R"("}}})";
}

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
  m.settle();
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
  m.settle();
  m.remember(m.scan());
  m.add("models--a--b", "two");
  m.settle();
  const auto time = fs::last_write_time(m.cache + "/models--a--b/blobs");
  m.remember(m.scan());
  m.add("models--a--b", "hidden");
  fs::last_write_time(m.cache + "/models--a--b/blobs", time);
  CHECK(m.scan().claims.empty());
  m.settle();
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
  m.settle();
  m.remember(m.scan());
  memory_index lost;
  CHECK(scan_stores(m.cache, {}, m.state, lost).claims.size() == 1);
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
  m.settle();
  refusing_index index;
  remember_scan(scan_stores(m.cache, {}, m.state, index), m.state, index);
  CHECK(scan_stores(m.cache, {}, m.state, index).claims.size() == 1);
}

TEST_CASE("What is remembered of scans may be damaged: it is only read again") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle();
  m.remember(m.scan());
  m.add("models--a--b", "new");
  m.settle();
  for (const char* damaged : {"", "\n\n", "x", "1", "1 ", "99999999999999999999 /x\n", "-5 /hub/x\n\0\xff"}) {
    m.home.write("state/scanned", damaged);
    CHECK(m.scan().claims.size() == 1);
  }
}

TEST_CASE("What is remembered is private, and not written again without need") {
  machine m;
  m.add("models--a--b", "bytes");
  m.settle();
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

TEST_CASE("A folder that could not be read is a problem, and is read once it can be") {
  machine m;
  m.add("models--a--b", "bytes");
  m.add("models--c--d", "other");
  m.settle();
  const auto blobs = m.cache + "/models--a--b/blobs";
  const auto mode = fs::status(blobs).permissions();
  fs::permissions(blobs, fs::perms::none);
  const auto seen = [&] {
    const test::unprivileged user;
    return m.scan();
  }();
  fs::permissions(blobs, mode);
  CHECK(seen.claims.size() == 1);
  CHECK(test::problems(seen) == paths{blobs});
  m.remember(seen);
  CHECK(m.scan().claims.size() == 1);
  CHECK(m.scan().problems.empty());
}

TEST_CASE("Repos of every type are looked into") {
  machine m;
  for (const char* repo :
       {"models--a--b", "datasets--a--b", "spaces--a--b", "kernels--a--b", "models--gpt2"}) {
    m.add(repo, repo);
  }
  CHECK(m.scan().claims.size() == 5);
}

TEST_CASE("A folder whose time lies in the future is read every time") {
  machine m;
  m.add("models--a--b", "one");
  const auto blobs = m.cache + "/models--a--b/blobs";
  const auto future = fs::file_time_type::clock::now() + std::chrono::hours(24);
  fs::last_write_time(blobs, future);
  m.remember(m.scan());
  m.add("models--a--b", "two");
  fs::last_write_time(blobs, future);
  CHECK(m.scan().claims.size() == 1);
}

TEST_CASE("Folders that are gone are not remembered") {
  machine m;
  m.add("models--a--b", "one");
  m.add("models--c--d", "two");
  m.scan_settled();
  CHECK(test::read_file(m.state + "/scanned").find("models--a--b") != std::string::npos);
  fs::remove_all(m.cache + "/models--a--b");
  m.scan_settled();
  const auto text = test::read_file(m.state + "/scanned");
  CHECK(text.find("models--a--b") == std::string::npos);
  CHECK(text.find("models--c--d") != std::string::npos);
}

TEST_CASE("What is remembered of a store stays while other runs ask for others, and goes with it") {
  machine m;
  m.add("models--a--b", "one");
  m.home.write("ollama/blobs/sha256-" + machine::hex("x"), "x");
  m.add_store(store_kind::ollama, "ollama");
  m.scan_settled();
  const auto stores = std::exchange(m.stores, {});
  m.add("models--c--d", "two");
  m.scan_settled();
  CHECK(test::read_file(m.state + "/scanned").find("/ollama/") != std::string::npos);
  fs::remove_all(m.home / "ollama");
  m.add("models--e--f", "three");
  m.scan_settled();
  CHECK(test::read_file(m.state + "/scanned").find("/ollama/") == std::string::npos);
}

TEST_CASE("A scan that is stopped claims what it saw and remembers nothing new") {
  machine m;
  m.add("models--a--b", "one");
  m.scan_settled();
  m.add("models--c--d", "two");
  m.settle();
  std::stop_source stop;
  stop.request_stop();
  const auto seen = scan_stores(m.cache, {}, m.state, m.index, stop.get_token());
  CHECK(seen.claims.empty());
  m.remember(seen);
  CHECK(test::claimed(m.scan()).size() == 1);
}

TEST_CASE("Another Hub cache is scanned like the own one; the own one is not scanned twice") {
  machine m;
  m.add("models--a--b", "mine");
  const auto theirs = m.home.write("team/models--a--b/blobs/" + machine::hex("theirs"), "theirs");
  m.add_store(store_kind::hub_cache, "team");
  m.add_store(store_kind::hub_cache, "hub");
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 2);
  CHECK(std::count_if(seen.claims.begin(), seen.claims.end(),
                      [&](const auto& c) { return c.where.path == theirs; }) == 1);
}

TEST_CASE("A repo moved to another disk is found in the own cache; in another it is a problem") {
  machine m;
  m.home.write("disk/moved/blobs/" + machine::hex("bytes"), "bytes");
  fs::create_directories(m.cache);
  fs::create_directories(m.home / "team");
  fs::create_symlink(m.home / "disk/moved", m.cache + "/models--a--b");
  fs::create_symlink(m.home / "disk/moved", m.home / "team/models--a--b");
  m.add_store(store_kind::hub_cache, "team");
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].where.path == m.cache + "/models--a--b/blobs/" + machine::hex("bytes"));
  REQUIRE(seen.problems.size() == 1);
  CHECK(seen.problems[0].path == m.home / "team/models--a--b");
  CHECK(seen.problems[0].origin == store_origin::configured);
}

TEST_CASE("A symlink that leaves its cache is no claim") {
  machine m;
  const auto secret = m.home.write("secret", "bytes");
  const auto hex = machine::hex("bytes");
  fs::create_directories(m.home / "team/models--a--b/blobs");
  fs::create_symlink(secret, m.home / ("team/models--a--b/blobs/" + hex));
  fs::create_directories(m.home / "team/models--c--d");
  m.home.write("elsewhere/" + hex, "bytes");
  fs::create_symlink("../../elsewhere", m.home / "team/models--c--d/blobs");
  m.add_store(store_kind::hub_cache, "team");
  const auto seen = m.scan();
  CHECK(seen.claims.empty());
  CHECK(test::problems(seen) == paths{m.home / "team/models--c--d/blobs"});
}

TEST_CASE("Symlinks in circles end nowhere") {
  machine m;
  fs::create_directories(m.cache + "/models--a--b/blobs");
  fs::create_symlink(machine::hex("x"), m.cache + "/models--a--b/blobs/" + machine::hex("x"));
  fs::create_symlink("..", m.cache + "/models--a--b/snapshots");
  fs::create_symlink("models--loop", m.cache + "/models--loop");
  m.add("models--c--d", "bytes");
  CHECK(m.scan().claims.size() == 1);
}

TEST_CASE("A cache reached through a symlink keeps the name that it was given") {
  machine m;
  m.home.write("real/blobs/77/" + xet, "bytes");
  fs::create_directories(m.home / "real/models--a--b/blobs");
  fs::create_symlink("../../blobs/77/" + xet, m.home / ("real/models--a--b/blobs/" + machine::hex("bytes")));
  fs::create_directory_symlink("real", m.home / "hub");
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].where.path == m.cache + "/blobs/77/" + xet);
}

TEST_CASE("Payloads of the shared store that no blob leads to any more are known by the listings") {
  machine m;
  const std::string bytes = "payload";
  m.home.write("hub/models--a--b/trees/" + commit + ".json", tree_of("w.bin", bytes));
  fs::create_directories(m.cache + "/models--a--b/blobs");
  const auto payload = m.home.write("hub/blobs/77/" + xet, bytes);
  CHECK(m.scan().claims.empty());  // a folder of that name which nobody marked
  m.home.write("hub/blobs/.huggingface-shared-blobs", "1\n");
  const auto before = m.everything();
  const auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].name.hex() == machine::hex(bytes));
  CHECK(seen.claims[0].where.path == payload);
  CHECK(m.everything() == before);
  m.home.write("hub/blobs/77/" + xet, "of another size");
  CHECK(m.scan().claims.empty());
}

TEST_CASE("A shared store that leads out of its cache is not followed") {
  machine m;
  m.home.write("outside/.huggingface-shared-blobs", "1\n");
  m.home.write("outside/77/" + xet, "payload");
  for (const char* cache : {"one", "two"}) {
    m.home.write(std::string(cache) + "/models--a--b/trees/" + commit + ".json", tree_of("w.bin", "payload"));
    fs::create_directories(m.home / (std::string(cache) + "/models--a--b/blobs"));
    m.add_store(store_kind::hub_cache, cache);
  }
  fs::create_symlink("../outside", m.home / "one/blobs");
  m.home.write("two/blobs/.huggingface-shared-blobs", "1\n");
  fs::create_symlink("../../outside/77", m.home / "two/blobs/77");
  CHECK(m.scan().claims.empty());
}

TEST_CASE("Plain files of a snapshot are known by its listing, and are taken for files that people edit") {
  machine m;
  fs::create_directories(m.cache + "/models--a--b/blobs");
  m.home.write("hub/models--a--b/trees/" + commit + ".json", tree_of("sub/w.bin", "weights"));
  const auto file = m.home.write("hub/models--a--b/snapshots/" + commit + "/sub/w.bin", "weights");
  m.home.write("hub/models--a--b/snapshots/" + commit + "/not-listed", "x");
  const auto seen = m.scan_settled();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].where.path == file);
  CHECK(seen.claims[0].where.state == trust::claimed);
  CHECK(seen.claims[0].where.store == mutability::mutable_store);
  CHECK(m.scan().claims.empty());
}

TEST_CASE("A plain file of another size than listed is no claim, and a listing that is none is a problem") {
  machine m;
  fs::create_directories(m.cache + "/models--a--b/blobs");
  const auto tree = m.home.write("hub/models--a--b/trees/" + commit + ".json", tree_of("w.bin", "weights"));
  m.home.write("hub/models--a--b/snapshots/" + commit + "/w.bin", "edited since");
  CHECK(m.scan().claims.empty());
  for (const char* text :
       {"", "[]", "{\"format_version\": 9}", "{\"format_version\": 1, \"files\": {\"../x\": {}}}"}) {
    m.home.write("hub/models--a--b/trees/" + commit + ".json", text);
    CHECK(test::problems(m.scan()) == paths{tree});
  }
}

TEST_CASE("Snapshots of symlinks need no listing") {
  machine m;
  const test::hub_cache hub(m.cache);
  hub.add("a/b", commit, {{"w.bin", "weights"}, {"c/d.json", "{}"}});
  m.home.write("hub/models--a--b/trees/" + commit + ".json", "damaged");
  const auto seen = m.scan();
  CHECK(seen.claims.size() == 2);
  CHECK(seen.problems.empty());
}

TEST_CASE("A record whose file got other times keeps its fingerprint, not its trust") {
  machine m;
  const auto path = m.add("models--a--b", "bytes");
  auto seen = m.scan();
  seen.claims.at(0).where.state = trust::verified;
  seen.claims.at(0).where.fingerprint = 42;
  m.index.insert(seen.claims);
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].where.state == trust::claimed);
  CHECK(seen.claims[0].where.fingerprint == 42);
}

TEST_CASE("2,000 repos are scanned, and nothing again when nothing changed") {
  machine m;
  for (int i = 0; i < 2000; ++i) {
    const auto blobs = m.cache + "/models--a--" + std::to_string(i) + "/blobs";
    fs::create_directories(blobs);
    for (int k = 0; k < 3; ++k) {
      std::ofstream(blobs + "/" + hubcache::os::random_hex(32) + hubcache::os::random_hex(32)) << i;
    }
  }
  m.settle();
  const auto first = m.scan();
  CHECK(first.claims.size() == 6000);
  m.remember(first);
  CHECK(m.scan().claims.empty());
}
