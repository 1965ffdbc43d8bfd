#include <hubcache/error.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/upkeep/index_folder.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <latch>
#include <store/contents.hpp>
#include <support/mounted.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;
using hubcache::digest_algorithm;
using hubcache::errc;
using hubcache::file_count;
using hubcache::folder_options;
using hubcache::folder_plan;
using hubcache::folder_progress;
using hubcache::folder_report;
using hubcache::place;
using hubcache::trust;
using test::content_of;

namespace {

bool operator==(const file_count& a, const std::pair<std::size_t, std::uint64_t>& b) {
  return a.files == b.first && a.bytes == b.second;
}

constexpr std::size_t large = hubcache::largest_git_file + 1;

/// Makes a file look as if nobody had written to it for a while.
void age(const std::string& path, int seconds = 10) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
}

void append(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::app)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Root is somebody else while this lives.
struct another_user {
  another_user() { REQUIRE(::seteuid(65534) == 0); }
  another_user(const another_user&) = delete;
  another_user& operator=(const another_user&) = delete;
  ~another_user() { static_cast<void>(::seteuid(0)); }
};

/// A folder of models, and an index.
struct scene {
  std::string write(std::string_view name, std::string_view bytes) const {
    auto path = folder.write(name, bytes);
    age(path);
    return path;
  }
  [[nodiscard]] folder_plan plan() const {
    return hubcache::plan_folder(folder.path(), options, const_cast<hubcache::memory_index&>(index));
  }
  folder_report run(const folder_plan& what, std::stop_token stop = {}) {
    return hubcache::index_folder(what, hashes, index, pool, progress, stop);
  }
  folder_report run() { return run(plan()); }
  /// The one place where `bytes` are known to lie.
  [[nodiscard]] place found(std::string_view bytes, digest_algorithm by = digest_algorithm::sha256) const {
    const auto places = index.find(content_of(bytes, by).name);
    REQUIRE(places.size() == 1);
    return places.front();
  }
  [[nodiscard]] bool knows(std::string_view bytes) const {
    return !index.find(content_of(bytes).name).empty();
  }

  test::temp_folder folder{fs::canonical(fs::temp_directory_path())};
  hubcache::memory_index index;
  test::counting_hashes hashes;
  hubcache::workers pool{2};
  folder_options options;
  hubcache::folder_observer progress;
};

}  // namespace

TEST_CASE(
    "every file below the folder is found by its sha256, verified, with a fingerprint, as a file users "
    "edit") {
  scene s;
  const auto bytes = test::patterned(large);
  const auto path = s.write("checkpoints/model.safetensors", bytes);
  s.write("readme.md", "hello");
  const auto got = s.run();
  CHECK(got.complete);
  CHECK(got.hashed == std::pair(std::size_t{2}, std::uint64_t{large + 5}));
  const auto where = s.found(bytes);
  std::error_code ec;
  CHECK(where.path == path);
  CHECK(where.identity == hubcache::os::status(path, ec).identity);
  CHECK(where.state == trust::verified);
  CHECK(where.store == hubcache::mutability::mutable_store);
  CHECK(where.fingerprint != 0);
  CHECK(s.found("hello").path == s.folder / "readme.md");
}

TEST_CASE("small files are found by git's sha1, too; large ones are hashed once") {
  scene s;
  s.write("config.json", "{}");
  s.run();
  CHECK(s.found("{}", digest_algorithm::git_sha1).state == trust::verified);
  CHECK(s.hashes.begun() == 2);
  s.write("model.bin", test::patterned(large));
  s.run();
  CHECK(s.hashes.begun() == 3);
}

TEST_CASE("a second run opens no file") {
  scene s;
  s.write("a", "1");
  s.write("b/c", "2");
  s.write("d.bin", test::patterned(large));
  s.run();
  const auto begun = s.hashes.begun();
  fs::permissions(s.folder / "a", fs::perms::none);  // changes the ctime
  auto plan = s.plan();
  CHECK(plan.to_read.size() == 1);
  CHECK(plan.unchanged == std::pair(std::size_t{2}, std::uint64_t{1 + large}));
  fs::permissions(s.folder / "a", fs::perms::owner_all);
  s.run();
  CHECK(s.hashes.begun() == begun + 2);
  plan = s.plan();
  CHECK(plan.to_read.empty());
  CHECK(plan.bytes_to_read() == 0);
  CHECK(s.run(plan).complete);
  CHECK(s.hashes.begun() == begun + 2);
}

TEST_CASE("a large file that was only touched is compared by its fingerprint and is verified anew") {
  scene s;
  const auto bytes = test::patterned(large);
  const auto path = s.write("model.bin", bytes);
  s.run();
  age(path, 5);
  const auto got = s.run();
  CHECK(got.compared == std::pair(std::size_t{1}, std::uint64_t{large}));
  CHECK(got.hashed.files == 0);
  CHECK(s.hashes.begun() == 1);
  CHECK(s.plan().unchanged.files == 1);
}

TEST_CASE("a large file that was moved within the folder is compared, and its old place is forgotten") {
  scene s;
  const auto bytes = test::patterned(large);
  s.write("model.bin", bytes);
  s.run();
  fs::create_directory(s.folder / "sdxl");
  fs::rename(s.folder / "model.bin", s.folder / "sdxl/base.bin");
  const auto plan = s.plan();
  CHECK(plan.gone.size() == 1);
  CHECK(s.run(plan).compared.files == 1);
  CHECK(s.hashes.begun() == 1);
  CHECK(s.found(bytes).path == s.folder / "sdxl/base.bin");
  CHECK(s.index.size() == 1);
}

TEST_CASE("an edited file is hashed again, and what it held is forgotten") {
  scene s;
  auto bytes = test::patterned(large);
  const auto path = s.write("model.bin", bytes);
  s.write("config.json", "old");
  s.run();
  auto edited = bytes;
  edited[large / 2] ^= 1;  // of the same size
  s.write("model.bin", edited);
  s.write("config.json", "new");
  const auto got = s.run();
  CHECK(got.hashed.files == 2);
  CHECK(got.compared.files == 0);
  CHECK_FALSE(s.knows(bytes));
  CHECK_FALSE(s.knows("old"));
  CHECK(s.found(edited).path == path);
  CHECK(s.knows("new"));
  CHECK(s.index.size() == 3);
}

TEST_CASE("a fingerprint says nothing of a file of another size, or of another inode") {
  scene s;
  const auto bytes = test::patterned(large);
  const auto path = s.write("model.bin", bytes);
  s.run();
  append(path, "more");
  age(path);
  CHECK_FALSE(s.plan().to_read.front().expected);
  s.write("copy.bin", bytes);
  const auto plan = s.plan();
  const auto copy = std::find_if(plan.to_read.begin(), plan.to_read.end(),
                                 [](const auto& f) { return f.path.ends_with("copy.bin"); });
  REQUIRE(copy != plan.to_read.end());
  CHECK_FALSE(copy->expected);
}

TEST_CASE(
    "a file that was written to just now is only a claim, and a later run settles it without a second hash") {
  scene s;
  const auto bytes = test::patterned(large);
  const auto path = s.folder.write("model.bin", bytes);
  s.run();
  CHECK(s.found(bytes).state == trust::claimed);
  age(path);
  CHECK(s.run().compared.files == 1);
  CHECK(s.found(bytes).state == trust::verified);
  CHECK(s.hashes.begun() == 1);
}

TEST_CASE("a claim that was made by name alone is hashed") {
  scene s;
  const auto bytes = test::patterned(large);
  place where;
  where.path = s.write("model.bin", bytes);
  std::error_code ec;
  where.identity = hubcache::os::status(where.path, ec).identity;
  const std::vector<hubcache::index_record> claims{{content_of(bytes).name, where}};
  s.index.insert(claims);
  CHECK(s.run().hashed.files == 1);
  CHECK(s.found(bytes).state == trust::verified);
}

TEST_CASE(
    "a file that changes while it is hashed is tried again, then reported, and nothing is said of its "
    "content") {
  scene s;
  const auto path = s.write("growing.part", test::patterned(large));
  int begun = 0;
  s.progress = [&](const folder_progress& news) {
    if (news.what == folder_progress::step::begun) ++begun;
    if (news.what == folder_progress::step::read) append(path, "x");
  };
  const auto got = s.run();
  CHECK(begun == 1);
  CHECK(s.hashes.begun() == 2);
  CHECK(got.failed.files == 1);
  REQUIRE(got.problems.size() == 1);
  CHECK(got.problems.front().path == path);
  CHECK(got.problems.front().text.find("changes") != std::string::npos);
  CHECK(s.index.size() == 0);
}

TEST_CASE("a file that changed once while it was hashed is recorded as it is in the end") {
  scene s;
  const auto path = s.write("model.bin", "before");
  bool done = false;
  s.progress = [&](const folder_progress& news) {
    if (news.what == folder_progress::step::read && !std::exchange(done, true)) append(path, " and after");
  };
  const auto got = s.run();
  CHECK(got.hashed.files == 1);
  CHECK_FALSE(s.knows("before"));
  CHECK(s.knows("before and after"));
}

TEST_CASE(
    "a file that another thread keeps appending to never ends up verified with content it does not have") {
  scene s;
  const auto path = s.write("log.bin", test::patterned(100'000));
  std::latch begun(1);
  std::jthread writer([&](const std::stop_token& stop) {
    append(path, "more");
    begun.count_down();
    while (!stop.stop_requested()) append(path, "more");
  });
  begun.wait();
  for (int round = 0; round < 50; ++round) s.run();
  writer = {};
  std::size_t verified = 0;
  std::error_code ec;
  const auto now = hubcache::os::status(path, ec).identity;
  s.index.each([&](const hubcache::index_record& r) {
    if (r.where.state == trust::verified && r.where.identity == now) ++verified;
    return true;
  });
  CHECK(verified == 0);
}

TEST_CASE("a file that was replaced after the plan was made is recorded as what it is now") {
  scene s;
  s.write("model.bin", "one");
  const auto plan = s.plan();
  s.write("other", "two, longer");
  fs::rename(s.folder / "other", s.folder / "model.bin");
  s.run(plan);
  CHECK_FALSE(s.knows("one"));
  CHECK(s.found("two, longer").path == s.folder / "model.bin");
}

TEST_CASE("a file that grew after the plan was made is hashed at once, whatever was expected of it") {
  scene s;
  const auto bytes = test::patterned(large);
  const auto path = s.write("model.bin", bytes);
  s.run();
  age(path, 5);
  const auto plan = s.plan();
  REQUIRE(plan.to_read.front().expected);
  append(path, "more");
  const auto got = s.run(plan);
  CHECK(got.hashed.files == 1);
  CHECK(s.knows(bytes + "more"));
}

TEST_CASE("a file that vanished after the plan was made is counted and forgotten") {
  scene s;
  const auto path = s.write("model.bin", "one");
  s.run();
  age(path, 5);
  const auto plan = s.plan();
  fs::remove(path);
  const auto got = s.run(plan);
  CHECK(got.vanished == 1);
  CHECK(got.problems.empty());
  CHECK(s.index.size() == 0);
}

TEST_CASE("records of files that are gone are forgotten; those of other folders stay") {
  scene s;
  s.write("a", "1");
  s.write("b", "2");
  test::temp_folder elsewhere(s.folder.path().parent_path());
  place other;
  other.path = elsewhere.write("c", "3");
  const std::vector<hubcache::index_record> records{{content_of("3").name, other}};
  s.index.insert(records);
  s.run();
  fs::remove(s.folder / "a");
  fs::remove(other.path);
  s.run();
  CHECK_FALSE(s.knows("1"));
  CHECK(s.knows("2"));
  CHECK(s.knows("3"));
}

TEST_CASE("what is there but was not walked stays in the index") {
  scene s;
  s.write("small", "1");
  s.write("sub/file", "22");
  s.run();
  s.options.min_size = 2;
  s.options.skipped = {s.folder / "sub"};
  const auto plan = s.plan();
  CHECK(plan.gone.empty());
  CHECK(plan.to_read.empty());
  CHECK(plan.unchanged.files == 0);
}

TEST_CASE("empty files and those below the smallest size are left alone") {
  scene s;
  s.write("empty", "");
  s.write("small", "12");
  s.write("large", "123");
  s.options.min_size = 0;
  CHECK(s.plan().to_read.size() == 2);
  s.options.min_size = 3;
  CHECK(s.plan().to_read.size() == 1);
}

TEST_CASE("an interrupted run keeps what it has learned, and the next one goes on from there") {
  scene s;
  for (int i = 0; i < 20; ++i) s.write("file" + std::to_string(i), "content " + std::to_string(i));
  std::stop_source stop;
  int ended = 0;
  s.progress = [&](const folder_progress& news) {
    if (news.what == folder_progress::step::ended && ++ended == 5) stop.request_stop();
  };
  fs::remove(s.write("gone", "gone"));
  const auto got = s.run(s.plan(), stop.get_token());
  CHECK_FALSE(got.complete);
  CHECK(got.hashed.files >= 5);
  CHECK(got.hashed.files <= 6);
  s.progress = {};
  const auto rest = s.plan();
  CHECK(rest.unchanged.files == got.hashed.files);
  CHECK(rest.to_read.size() == 20 - got.hashed.files);
  CHECK(s.run(rest).complete);
  CHECK(s.index.size() == 40);
}

TEST_CASE("a stop ends the hash of a large file, of which nothing is recorded") {
  scene s;
  s.write("model.bin", test::patterned(large));
  std::stop_source stop;
  s.progress = [&](const folder_progress& news) {
    if (news.what == folder_progress::step::read) stop.request_stop();
  };
  const auto got = s.run(s.plan(), stop.get_token());
  CHECK_FALSE(got.complete);
  CHECK(got.failed.files == 0);
  CHECK(s.index.size() == 0);
  const auto plan = hubcache::plan_folder(s.folder.path(), s.options, s.index, stop.get_token());
  CHECK(plan.to_read.empty());
  CHECK_FALSE(s.run(plan).complete);
}

TEST_CASE("nothing is forgotten by a run that is stopped before its end") {
  scene s;
  const auto path = s.write("moved.bin", test::patterned(large));
  s.run();
  fs::rename(path, s.folder / "new.bin");
  std::stop_source stop;
  stop.request_stop();
  s.run(s.plan(), stop.get_token());
  CHECK(s.run().compared.files == 1);
}

TEST_CASE("symlinks are counted and not followed, so that no loop and no way out exists") {
  scene s;
  test::temp_folder outside(s.folder.path().parent_path());
  const auto secret = outside.write("secret", "outside");
  s.write("file", "inside");
  fs::create_symlink(s.folder.path(), s.folder / "loop");
  fs::create_symlink(secret, s.folder / "file_out");
  fs::create_symlink(outside.path(), s.folder / "folder_out");
  fs::create_symlink("nowhere", s.folder / "dangling");
  const auto plan = s.plan();
  CHECK(plan.symlinks == 4);
  CHECK(plan.to_read.size() == 1);
  s.run(plan);
  CHECK(s.knows("inside"));
  CHECK_FALSE(s.knows("outside"));
}

TEST_CASE("a file that is a symlink by the time it is read is not followed") {
  scene s;
  test::temp_folder outside(s.folder.path().parent_path());
  const auto secret = outside.write("secret", "outside");
  s.write("file", "inside");
  const auto plan = s.plan();
  fs::remove(s.folder / "file");
  fs::create_symlink(secret, s.folder / "file");
  CHECK(s.run(plan).vanished == 1);
  CHECK(s.index.size() == 0);
}

TEST_CASE("fifos and sockets are no files, and hang nothing") {
  scene s;
  s.write("file", "1");
  REQUIRE(::mkfifo((s.folder / "fifo").c_str(), 0600) == 0);
  CHECK(s.plan().to_read.size() == 1);
  const auto path = s.write("later", "22");
  const auto plan = s.plan();
  fs::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(s.run(plan).vanished == 1);
}

TEST_CASE("hidden folders are left alone, hidden files and a hidden top are not") {
  scene s;
  s.write(".cache/huggingface/download/x.metadata", "1");
  s.write(".git/objects/aa/bb", "22");
  s.write(".settings", "333");
  const auto plan = s.plan();
  CHECK(plan.hidden == 2);
  REQUIRE(plan.to_read.size() == 1);
  CHECK(plan.to_read.front().path == s.folder / ".settings");
  CHECK(hubcache::plan_folder(s.folder / ".git", s.options, s.index).to_read.size() == 1);
}

TEST_CASE("names need not be UTF-8") {
  scene s;
  const auto path = s.write("caf\xE9/mod\xFFl.bin", "bytes");
  s.run();
  CHECK(s.found("bytes").path == path);
  CHECK(s.plan().to_read.empty());
}

TEST_CASE("the largest files come first") {
  scene s;
  s.write("b", "22");
  s.write("a", "22");
  s.write("c", "333");
  const auto plan = s.plan();
  REQUIRE(plan.to_read.size() == 3);
  CHECK(plan.to_read[0].path.ends_with("/c"));
  CHECK(plan.to_read[1].path.ends_with("/a"));
  CHECK(plan.bytes_to_read() == 7);
}

TEST_CASE("a sparse file is hashed like the zeros it shows") {
  scene s;
  const auto path = s.folder / "sparse";
  std::ofstream(path).put('\0');
  fs::resize_file(path, 20'000'000);
  age(path);
  s.run();
  CHECK(s.knows(std::string(20'000'000, '\0')));
}

TEST_CASE("progress tells of every byte, begins and ends every file") {
  scene s;
  s.write("a", test::patterned(3'000'000));
  s.write("b", "1");
  std::size_t begun = 0;
  std::size_t ended = 0;
  std::uint64_t bytes = 0;
  s.progress = [&](const folder_progress& news) {
    begun += news.what == folder_progress::step::begun ? 1 : 0;
    ended += news.what == folder_progress::step::ended ? 1 : 0;
    bytes += news.bytes;
  };
  s.run();
  CHECK(begun == 2);
  CHECK(ended == 2);
  CHECK(bytes == 3'000'001);
}

TEST_CASE("what another user may not read is reported, the rest is done, and what was known of it stays") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: needs root, to become another user");
    return;
  }
  scene s;
  s.write("open", "1");
  s.write("closed", "22");
  s.write("folder/file", "333");
  s.run();
  age(s.folder / "closed", 5);
  fs::permissions(s.folder.path(), fs::perms(0755));
  fs::permissions(s.folder / "closed", fs::perms(0600));
  fs::permissions(s.folder / "folder", fs::perms(0700));
  folder_plan plan;
  folder_report got;
  {
    const another_user nobody;
    plan = s.plan();
    got = s.run(plan);
  }
  REQUIRE(plan.problems.size() == 1);
  CHECK(plan.problems.front().path == s.folder / "folder");
  REQUIRE(got.problems.size() == 1);
  CHECK(got.problems.front().path == s.folder / "closed");
  CHECK(got.failed.files == 1);
  CHECK(got.complete);
  for (const auto* bytes : {"1", "22", "333"}) CHECK(s.knows(bytes));
}

TEST_CASE(
    "other file systems below the folder are entered, and a folder that is mounted inside itself once") {
  const auto disk = test::mounted::tmpfs("8m");
  if (!disk) return;
  test::temp_folder files(fs::canonical(*disk / ""));
  files.write("models/file", "1");
  fs::create_directories(files / "models/self");
  fs::create_directories(files / "models/other");
  REQUIRE(test::runs("mount --bind " + files / "models" + " " + files / "models/self"));
  REQUIRE(test::runs("mount -t tmpfs none " + files / "models/other"));
  std::ofstream(files / "models/other/file") << "22";
  hubcache::memory_index index;
  const auto plan = hubcache::plan_folder(files / "models", {}, index);
  CHECK(plan.to_read.size() == 2);
  CHECK(plan.problems.empty());
  ::umount2((files / "models/self").c_str(), MNT_DETACH);
  ::umount2((files / "models/other").c_str(), MNT_DETACH);
}

TEST_CASE("a tree too deep to walk is a problem of that folder alone") {
  scene s;
  s.write("file", "1");
  std::string deep = s.folder.path();
  for (int i = 0; i < 300; ++i) deep += "/d";
  fs::create_directories(deep);
  const auto plan = s.plan();
  CHECK(plan.problems.size() == 1);
  CHECK(plan.to_read.size() == 1);
}

TEST_CASE("content that lies in the cache as well is counted, other names of the same inode are not") {
  scene s;
  test::temp_folder cache(s.folder.path().parent_path());
  s.write("weights", "shared content");
  s.write("linked", "one inode");
  s.write("own", "only here");
  fs::create_hard_link(s.folder / "linked", cache / "linked");
  s.run();
  std::vector<hubcache::index_record> claims;
  for (const auto& [name, bytes] :
       {std::pair("weights", "shared content"), std::pair("linked", "one inode")}) {
    place where;
    where.path = cache / name;
    if (!fs::exists(where.path)) cache.write(name, bytes);
    std::error_code ec;
    where.identity = hubcache::os::status(where.path, ec).identity;
    claims.emplace_back(content_of(bytes).name, where);
  }
  s.index.insert(claims);
  CHECK(hubcache::shared_with_cache(s.folder.path(), cache.path(), s.index) ==
        std::pair(std::size_t{1}, std::uint64_t{14}));
}

TEST_CASE("forgetting a folder leaves others, and those below it that are not its own") {
  scene s;
  s.write("a", "1");
  s.write("hub/blob", "2");
  s.run();
  CHECK(hubcache::forget_folder(s.folder / "no", {}, s.index) == 0);
  CHECK(hubcache::forget_folder(s.folder.path(), {s.folder / "hub"}, s.index) == 1);
  CHECK_FALSE(s.knows("1"));
  CHECK(s.knows("2"));
  CHECK(s.index.size() == 2);
}

TEST_CASE("a folder that cannot be indexed is refused with the reason") {
  test::temp_folder home(fs::canonical(fs::temp_directory_path()));
  hubcache::settings config;
  config.cache_dir = home / "hub";
  config.state_dir = home / "state";
  config.stores.emplace_back(hubcache::store_kind::ollama, home / "ollama", hubcache::store_origin::found);
  config.stores.emplace_back(hubcache::store_kind::comfy_ui, home / "comfy", hubcache::store_origin::found);
  for (const auto* name : {"hub/models--a--b/blobs", "state", "ollama/blobs", "comfy/checkpoints", "plain"}) {
    fs::create_directories(home / name);
  }
  home.write("file", "1");
  fs::create_symlink(home / "hub", home / "alias");
  fs::create_symlink(home / "plain", home / "short");
  const auto reason = [&](const std::string& folder) {
    try {
      static_cast<void>(hubcache::folder_to_index(folder, config));
    } catch (const hubcache::error& e) {
      return std::pair(e.reason(), e.detail());
    }
    return std::pair(errc::internal, std::string());
  };
  for (const auto* name : {"hub", "hub/models--a--b", "alias", "state", "ollama/blobs"}) {
    CHECK(reason(home / name).first == errc::refused);
  }
  CHECK(reason(home / "ollama/blobs").second.find("ollama") != std::string::npos);
  CHECK(reason("/").first == errc::refused);
  CHECK(reason("/proc").first == errc::refused);
  CHECK(reason("/sys/kernel").first == errc::refused);
  CHECK(reason(home / "file").first == errc::invalid_argument);
  CHECK(reason(home / "missing").first == errc::invalid_argument);
  CHECK(reason("").first == errc::invalid_argument);
  using enum hubcache::store_kind;
  const auto added = [](hubcache::store_kind kind, const std::string& path) {
    return hubcache::store(kind, path, hubcache::store_origin::added);
  };
  CHECK(hubcache::folder_to_index(home / "short", config) == added(folder, home / "plain"));
  CHECK(hubcache::folder_to_index(home / "comfy/checkpoints", config) ==
        added(folder, home / "comfy/checkpoints"));
  CHECK(hubcache::folder_to_index(home / "ollama", config) == added(ollama, home / "ollama"));
  fs::create_directories(home / "team/models--a--b/blobs");
  CHECK(hubcache::folder_to_index(home / "team", config) == added(hub_cache, home / "team"));
  const auto foreign = hubcache::foreign_folders(home.path(), config);
  CHECK(foreign == std::vector{home / "hub", home / "state", home / "ollama"});
}
