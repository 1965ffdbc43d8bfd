#include <hubcache/error.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/link/first_of.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/publish.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <store/contents.hpp>
#include <store/placed.hpp>
#include <string>
#include <support/mounted.hpp>
#include <support/temp_folder.hpp>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using hubcache::content;
using hubcache::destination;
using hubcache::fsync_mode;
using hubcache::placed_content;
using hubcache::publish;
using hubcache::symlink_entry;
using hubcache::verified_partial;
using test::are_present;
using test::content_of;
using test::names_in;
using test::read_file;
using test::records;
using test::status;
using test::temp_folder;

namespace {

const content what = content_of("content");
const hubcache::default_link links;

/// A folder with filled, verified partials and a destination.
struct publish_fixture {
  publish_fixture() {
    where.base = folder.path();
    where.root = folder / "blobs";
    fs::create_directory(where.root);
  }

  void add(const std::string& text, std::vector<std::string> targets) {
    std::error_code ec;
    verified_partial item;
    item.targets = std::move(targets);
    const auto of = content_of(text);
    item.file = hubcache::partial::open(partial(text), of, digests, ec);
    REQUIRE(item.file);
    const auto bytes = std::make_shared<const std::string>(text);
    item.file->write(hubcache::as_byte_view(*bytes), 0, [bytes] {});
    auto lock = hubcache::content_lock::try_lock(folder / "state", of.name, {}, ec);
    REQUIRE(lock);
    item.lock = std::make_shared<hubcache::content_lock>(std::move(*lock));
    batch.push_back(std::move(item));
  }
  std::vector<placed_content> publish_all(fsync_mode mode = fsync_mode::none) {
    return publish(std::move(batch), where, mode, test::hashes, links, index);
  }
  [[nodiscard]] std::string partial(const std::string& text) const {
    return folder / (content_of(text).name.hex() + ".incomplete");
  }
  [[nodiscard]] std::string target(const std::string& name) const { return where.root + "/" + name; }

  hubcache::workers pool{1};
  hubcache::digest_queue digests{pool, test::hashes};
  temp_folder folder;
  destination where;
  hubcache::memory_index index;
  std::vector<verified_partial> batch;
};

std::vector<symlink_entry> entries(const std::vector<std::string>& paths) {
  std::vector<symlink_entry> result(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    result[i].path = paths[i];
    result[i].name = what.name;
  }
  return result;
}

std::vector<std::string> make_entries(const std::string& base, const std::string& view,
                                      const std::vector<std::string>& paths, bool force = false) {
  return hubcache::make_entries(base, view, entries(paths), force);
}

const std::string blob_text = "../../blobs/" + what.name.hex();

}  // namespace

TEST_CASE("What was published is in the index before its lock is free") {
  publish_fixture f;
  f.add("one", {"first"});
  f.publish_all();
  CHECK(f.index.size() > 0);
}

TEST_CASE("No symlink below the base is followed, blobs/ itself included") {
  publish_fixture f;
  f.add("one", {"first"});
  std::filesystem::remove_all(f.where.root);
  std::filesystem::create_directory(f.folder / "elsewhere");
  std::filesystem::create_directory_symlink(f.folder / "elsewhere", f.where.root);
  CHECK(f.publish_all()[0].failure);
  CHECK(std::filesystem::is_empty(f.folder / "elsewhere"));
  CHECK_THROWS_AS(make_entries(f.folder.path(), f.where.root, {"name"}), hubcache::error);
  CHECK(std::filesystem::is_empty(f.folder / "elsewhere"));
}

TEST_CASE("A partial becomes a blob: read-only, verified, its old name gone, its lock released") {
  for (const auto mode : {fsync_mode::none, fsync_mode::batch, fsync_mode::each}) {
    publish_fixture f;
    f.add("one", {"first"});
    f.add("two", {"second"});
    const auto placed = f.publish_all(mode);
    REQUIRE(placed.size() == 2);
    CHECK_FALSE(placed[0].failure);
    CHECK(placed[0].target == f.target("first"));
    CHECK_FALSE(placed[0].link);
    CHECK(placed[0].allocated == status(f.target("first")).allocated);
    CHECK(read_file(f.target("first")) == "one");
    CHECK(read_file(f.target("second")) == "two");
    CHECK(status(f.target("first")).mode == 0444);
    CHECK(records(placed[0].records, content_of("one").name, f.target("first")));
    CHECK(are_present(placed[0].records));
    CHECK_FALSE(fs::exists(f.partial("one")));
    std::error_code ec;
    CHECK(hubcache::content_lock::try_lock(f.folder / "state", content_of("one").name, {}, ec));
  }
}

TEST_CASE("A published small file is known under both its digests") {
  publish_fixture f;
  f.add("one", {"first"});
  const auto placed = f.publish_all();
  const auto git = content_of("one", hubcache::digest_algorithm::git_sha1).name;
  CHECK(records(placed[0].records, git, f.target("first")));
}

TEST_CASE("A published file replaces what had its name") {
  publish_fixture f;
  f.folder.write("blobs/first", "damaged");
  f.add("one", {"first"});
  CHECK_FALSE(f.publish_all()[0].failure);
  CHECK(read_file(f.target("first")) == "one");
}

TEST_CASE("A partial gets further names as files of their own") {
  publish_fixture f;
  f.where.plain_files = true;
  f.where.mode = 0644;
  f.add("one", {"a", "deep/b"});
  const auto placed = f.publish_all();
  CHECK_FALSE(placed[0].failure);
  CHECK(read_file(f.target("a")) == "one");
  CHECK(read_file(f.target("deep/b")) == "one");
  CHECK(status(f.target("a")).identity.inode != status(f.target("deep/b")).identity.inode);
  CHECK(status(f.target("deep/b")).mode == 0644);
  CHECK(are_present(placed[0].records));
}

TEST_CASE("A partial that cannot get its name fails alone, and is kept for the next run") {
  publish_fixture f;
  fs::create_directory(f.target("taken"));
  f.add("one", {"taken"});
  f.add("two", {"second"});
  const auto placed = f.publish_all();
  CHECK(placed[0].failure == std::errc::is_a_directory);
  CHECK_FALSE(placed[0].target);
  CHECK(read_file(f.partial("one")) == "one");
  CHECK_FALSE(placed[1].failure);
}

TEST_CASE("A partial is not published through a symlink planted in its view") {
  publish_fixture f;
  f.where.plain_files = true;
  fs::create_directory(f.folder / "outside");
  fs::create_directory_symlink(f.folder / "outside", f.target("planted"));
  f.add("one", {"planted/name"});
  CHECK(f.publish_all()[0].failure);
  CHECK(names_in(f.folder / "outside") == 0);
}

TEST_CASE("Publishing nothing is nothing") {
  publish_fixture f;
  CHECK(f.publish_all(fsync_mode::batch).empty());
}

namespace {

/// The bytes of small contents in memory, and a destination with a folder for temporaries.
struct whole_fixture : publish_fixture {
  whole_fixture() { fs::create_directory(scratch); }

  void add_whole(const std::string& text, std::vector<std::string> targets,
                 hubcache::digest_algorithm algorithm = hubcache::digest_algorithm::sha256) {
    std::error_code ec;
    hubcache::whole_content item;
    item.what = content_of(text, algorithm);
    item.targets = std::move(targets);
    item.bytes.reset(new std::byte[text.size()]);
    std::memcpy(item.bytes.get(), text.data(), text.size());
    auto lock = locks.try_lock(item.what.name, {}, ec);
    REQUIRE(lock);
    item.lock = std::make_shared<hubcache::content_lock>(std::move(*lock));
    wholes.push_back(std::move(item));
  }
  std::vector<hubcache::published_content> publish_wholes(fsync_mode mode = fsync_mode::none) {
    return publish(std::move(wholes), where, scratch, mode, test::hashes, links, index);
  }
  [[nodiscard]] bool is_free(const std::string& text) const {
    std::error_code ec;
    return hubcache::content_lock::try_lock(folder / "state", content_of(text).name, {}, ec).has_value();
  }

  std::string scratch = folder / "scratch";
  hubcache::content_locks locks{folder / "state"};
  std::vector<hubcache::whole_content> wholes;
};

constexpr std::array every_mode{fsync_mode::none, fsync_mode::batch, fsync_mode::each};

}  // namespace

TEST_CASE("Content in memory becomes a blob: read-only, verified, without a leftover, its lock released") {
  for (const auto mode : every_mode) {
    whole_fixture f;
    f.add_whole("one", {"first"});
    f.add_whole("two", {"deep/second"});
    f.add_whole("", {"empty"});
    CHECK_FALSE(f.is_free("one"));
    const auto results = f.publish_wholes(mode);
    REQUIRE(results.size() == 3);
    for (const auto& result : results) {
      CHECK_FALSE(result.altered);
      CHECK_FALSE(result.placed.failure);
      CHECK(are_present(result.placed.records));
    }
    CHECK(results[0].placed.target == f.target("first"));
    CHECK(results[0].placed.allocated == status(f.target("first")).allocated);
    CHECK(read_file(f.target("first")) == "one");
    CHECK(read_file(f.target("deep/second")) == "two");
    CHECK(fs::file_size(f.target("empty")) == 0);
    CHECK(status(f.target("first")).mode == 0444);
    CHECK(names_in(f.scratch) == 0);
    CHECK(f.is_free("one"));
  }
}

TEST_CASE("Content in memory is known under both its digests before its lock is free") {
  whole_fixture f;
  f.add_whole("by sha256", {"first"});
  f.add_whole("by git", {"second"}, hubcache::digest_algorithm::git_sha1);
  f.publish_wholes();
  for (const auto& [text, target] : {std::pair("by sha256", "first"), std::pair("by git", "second")}) {
    for (const auto algorithm : {hubcache::digest_algorithm::sha256, hubcache::digest_algorithm::git_sha1}) {
      const auto places = f.index.find(content_of(text, algorithm).name);
      REQUIRE(places.size() == 1);
      CHECK(places.front().path == f.target(target));
    }
  }
}

TEST_CASE("Altered content in memory is told with its digest, never named, and spoils no other") {
  for (const auto mode : every_mode) {
    for (const auto algorithm : {hubcache::digest_algorithm::sha256, hubcache::digest_algorithm::git_sha1}) {
      whole_fixture f;
      f.add_whole("one", {"first"});
      f.add_whole("two", {"second"}, algorithm);
      f.add_whole("three", {"third"});
      f.wholes[1].bytes[0] = std::byte{'T'};
      const auto results = f.publish_wholes(mode);
      CHECK(results[1].altered == content_of("Two", algorithm).name);
      CHECK_FALSE(results[1].placed.target);
      CHECK(results[1].placed.records.empty());
      CHECK_FALSE(fs::exists(f.target("second")));
      CHECK(read_file(f.target("first")) == "one");
      CHECK(read_file(f.target("third")) == "three");
      CHECK(names_in(f.scratch) == 0);
    }
  }
}

TEST_CASE("Content in memory gets further names as files of their own") {
  whole_fixture f;
  f.where.plain_files = true;
  f.where.mode = 0644;
  f.add_whole("one", {"a", "deep/b"});
  const auto results = f.publish_wholes();
  CHECK_FALSE(results[0].placed.failure);
  CHECK(read_file(f.target("deep/b")) == "one");
  CHECK(status(f.target("a")).identity.inode != status(f.target("deep/b")).identity.inode);
  CHECK(are_present(results[0].placed.records));
  CHECK(names_in(f.scratch) == 0);
}

TEST_CASE("Content in memory that cannot get its name fails alone, and leaves no temporary") {
  for (const auto mode : every_mode) {
    whole_fixture f;
    fs::create_directory(f.target("taken"));
    f.folder.write("blobs/file", "not a folder");
    f.add_whole("one", {"taken"});
    f.add_whole("two", {"file/second"});
    f.add_whole("three", {"third"});
    const auto results = f.publish_wholes(mode);
    CHECK(results[0].placed.failure == std::errc::is_a_directory);
    CHECK(results[1].placed.failure);
    CHECK_FALSE(results[1].placed.target);
    CHECK_FALSE(results[2].placed.failure);
    CHECK(read_file(f.target("third")) == "three");
    CHECK(names_in(f.scratch) == 0);
  }
}

TEST_CASE("Content in memory is not published through a symlink planted in its view, nor beside it") {
  whole_fixture f;
  f.where.plain_files = true;
  fs::create_directory(f.folder / "outside");
  fs::create_directory_symlink(f.folder / "outside", f.target("planted"));
  f.add_whole("one", {"planted/name"});
  CHECK(f.publish_wholes()[0].placed.failure);
  fs::remove(f.scratch);
  fs::create_directory_symlink(f.folder / "outside", f.scratch);
  f.add_whole("one", {"name"});
  CHECK(f.publish_wholes()[0].placed.failure);
  CHECK(names_in(f.folder / "outside") == 0);
}

TEST_CASE("A full disk fails every content in memory that does not fit, and leaves no temporary") {
  const auto disk = test::mounted::tmpfs("64k");
  if (!disk) return;
  for (const auto mode : every_mode) {
    whole_fixture f;
    f.where.base = disk->path();
    f.where.root = disk->path() + "/blobs";
    f.scratch = disk->path() + "/scratch";
    fs::create_directory(f.where.root);
    fs::create_directory(f.scratch);
    f.add_whole(std::string(200'000, 'x'), {"large"});
    f.add_whole("one", {"small"});
    const auto results = f.publish_wholes(mode);
    CHECK(results[0].placed.failure == std::errc::no_space_on_device);
    CHECK_FALSE(fs::exists(f.target("large")));
    CHECK(names_in(f.scratch) == 0);
    fs::remove_all(f.where.root);
    fs::remove_all(f.scratch);
  }
}

TEST_CASE("Entries are relative links to blobs, at any depth") {
  const temp_folder folder;
  make_entries(folder.path(), folder / "snapshots/c", {"a.json", "unet/b.json", "x/y/z"});
  const auto link = [&](const char* name) {
    return fs::read_symlink(folder / ("snapshots/c/" + std::string(name)));
  };
  CHECK(link("a.json") == blob_text);
  CHECK(link("unet/b.json") == "../" + blob_text);
  CHECK(link("x/y/z") == "../../" + blob_text);
}

TEST_CASE("Equal entries are left alone; dangling, other and plain ones with the blob's bytes are replaced") {
  const temp_folder folder;
  const auto view = folder / "view";
  folder.write("view/plain", "left by a run without symlinks");
  folder.write(std::string(blob_text).substr(6), "left by a run without symlinks");
  fs::create_symlink("../../blobs/old", view + "/other");
  fs::create_symlink(blob_text, view + "/equal");
  const auto before = status(view + "/equal").identity;
  for (int i = 0; i < 2; ++i) make_entries(folder.path(), view, {"equal", "other", "plain"});
  CHECK(status(view + "/equal").identity == before);
  CHECK(fs::read_symlink(view + "/other") == blob_text);
  CHECK(fs::read_symlink(view + "/plain") == blob_text);
  CHECK(names_in(view) == 3);
}

TEST_CASE("A file with other bytes where an entry belongs is the user's: kept and told, unless forced") {
  const temp_folder folder;
  const auto view = folder / "view";
  folder.write("view/deep/mine", "edited");
  fs::permissions(folder / "view/deep/mine", fs::perms(0444));
  folder.write(std::string(blob_text).substr(6), "as the Hub has it");
  CHECK(make_entries(folder.path(), view, {"deep/mine", "other"}) == std::vector<std::string>{"deep/mine"});
  CHECK(read_file(view + "/deep/mine") == "edited");
  CHECK(fs::is_symlink(view + "/other"));
  CHECK(make_entries(folder.path(), view, {"deep/mine"}, true).empty());
  CHECK(fs::is_symlink(view + "/deep/mine"));
}

TEST_CASE("A symlink or a file where an entry's folder belongs is refused") {
  const temp_folder folder;
  fs::create_directories(folder / "view");
  fs::create_directory(folder / "outside");
  fs::create_directory_symlink("../outside", folder / "view/planted");
  folder.write("view/file", "");
  CHECK_THROWS_AS(make_entries(folder.path(), folder / "view", {"planted/name"}), hubcache::error);
  CHECK_THROWS_AS(make_entries(folder.path(), folder / "view", {"file/name"}), hubcache::error);
  CHECK(names_in(folder / "outside") == 0);
}

TEST_CASE("A folder where an entry belongs is refused and kept") {
  const temp_folder folder;
  folder.write("view/name/file", "keep");
  CHECK_THROWS_AS(make_entries(folder.path(), folder / "view", {"name"}), hubcache::error);
  CHECK(read_file(folder / "view/name/file") == "keep");
}

TEST_CASE("A view may have more folders than a process may have open files") {
  const temp_folder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 300; ++i) paths.push_back("folder" + std::to_string(i) + "/name");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  auto limited = before;
  limited.rlim_cur = 100;
  ::setrlimit(RLIMIT_NOFILE, &limited);
  CHECK_NOTHROW(make_entries(folder.path(), folder / "view", paths));
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(names_in(folder / "view") == 300);
}
