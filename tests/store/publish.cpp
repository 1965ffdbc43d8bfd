#include <hubcache/error.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/link/first_of.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/publish.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <store/contents.hpp>
#include <string>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <sys/resource.h>
#include <vector>

namespace fs = std::filesystem;
using hubcache::auto_link_kinds;
using hubcache::content;
using hubcache::destination;
using hubcache::fsync_mode;
using hubcache::index_record;
using hubcache::link_kind;
using hubcache::link_kinds;
using hubcache::make_entries;
using hubcache::mutability;
using hubcache::place;
using hubcache::placed_content;
using hubcache::publish;
using hubcache::symlink_entry;
using hubcache::trust;
using hubcache::trust_after_hash;
using hubcache::verified_partial;
using test::content_of;
using test::patterned;
using test::read_file;
using test::temp_folder;

namespace {

/// Content that may be hard-linked: not tiny.
const std::string bytes = patterned(100'000);
const content what = content_of(bytes);
const hubcache::default_link links;

hubcache::os::file_status status(const std::string& path) {
  std::error_code ec;
  return hubcache::os::status(path, ec);
}

std::size_t names_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

place claim(const std::string& path, mutability store = mutability::immutable_store) {
  place where;
  where.path = path;
  where.store = store;
  return where;
}

bool records(const std::vector<index_record>& in, const hubcache::digest& name, const std::string& path) {
  return std::any_of(in.begin(), in.end(),
                     [&](const auto& r) { return r.name == name && r.where.path == path; });
}

/// Whether the last record of each path has the file's present identity.
bool are_present(const std::vector<index_record>& in) {
  return std::all_of(in.begin(), in.end(), [&](const auto& record) {
    const auto last = std::find_if(in.rbegin(), in.rend(), [&](const auto& r) {
      return r.where.path == record.where.path && r.name == record.name;
    });
    const auto identity = status(last->where.path).identity;
    return last->where.state == trust_after_hash(identity, last->where.store) &&
           last->where.identity == identity;
  });
}

/// A folder with the source of links, a destination and a place for temporary names.
struct link_fixture {
  link_fixture() { where.base = where.root = folder / "to"; }

  placed_content link(const std::vector<place>& places, const std::vector<std::string>& targets = {"name"},
                      link_kinds kinds = auto_link_kinds, const content& of = what) {
    return link_content(of, places, targets, where, folder / "scratch/partial", kinds, test::hashes, links,
                        {});
  }
  [[nodiscard]] std::string target(const char* name = "name") const { return where.root + "/" + name; }
  void plain() {
    where.plain_files = true;
    where.mode = 0644;
  }

  temp_folder folder;
  std::string source = folder.write("from/source", bytes);
  bool made = fs::create_directory(folder / "to") && fs::create_directory(folder / "scratch");
  destination where;
};

/// Refuses every hard link and copies instead.
struct no_hard_links {
  hubcache::link_report link(const hubcache::opened_file& have, const hubcache::link_target& want, link_kinds,
                             std::error_code& ec) const {
    auto report = hubcache::copy{}.link(have, want, link_kind::copy, ec);
    report.refusals.push_back({link_kind::hard_link, std::make_error_code(std::errc::cross_device_link)});
    return report;
  }
};

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
    item.file = hubcache::partial::open(partial(text), of, test::hashes, ec);
    REQUIRE(item.file);
    item.file->write(hubcache::as_byte_view(text), 0);
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

const std::string blob_text = "../../blobs/" + what.name.hex();

}  // namespace

TEST_CASE("A blob is linked from a place that holds its content, and shares its space") {
  link_fixture f;
  const auto placed = f.link({claim(f.source)});
  CHECK_FALSE(placed.failure);
  CHECK(placed.target == f.target());
  CHECK(placed.source == f.source);
  REQUIRE(placed.link);
  CHECK((placed.link == link_kind::reflink || placed.link == link_kind::hard_link));
  CHECK(placed.allocated == 0);
  CHECK(read_file(f.target()) == bytes);
  CHECK(names_in(f.where.root) == 1);
  CHECK(names_in(f.folder / "scratch") == 0);
}

TEST_CASE("After a hard link the records of both names have their present identity") {
  link_fixture f;
  const auto placed = f.link({claim(f.source)}, {"name"}, link_kind::hard_link);
  REQUIRE(placed.link == link_kind::hard_link);
  CHECK(records(placed.records, what.name, f.source));
  CHECK(records(placed.records, what.name, f.target()));
  CHECK(are_present(placed.records));
}

TEST_CASE("A claim that was hashed for a copy is verified from now on") {
  link_fixture f;
  std::filesystem::last_write_time(f.source,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::seconds(9));
  const auto placed = f.link({claim(f.source, mutability::mutable_store)}, {"name"}, link_kind::copy);
  CHECK(placed.link == link_kind::copy);
  CHECK(records(placed.records, what.name, f.source));
  CHECK(are_present(placed.records));
  for (const auto& record : placed.records) {
    const bool is_source = record.where.path == f.source;
    CHECK(record.where.store == (is_source ? mutability::mutable_store : mutability::immutable_store));
  }
}

TEST_CASE("A copy has the mode of its destination and counts by its blocks") {
  link_fixture f;
  const auto placed = f.link({claim(f.source)}, {"name"}, link_kind::copy);
  CHECK(status(f.target()).mode == 0444);
  CHECK(placed.allocated == status(f.target()).allocated);
}

TEST_CASE("A blob of the wrong size is replaced at once") {
  for (const auto kind : {link_kind::hard_link, link_kind::copy}) {
    link_fixture f;
    f.folder.write("to/name", "half a blob");
    const auto placed = f.link({claim(f.source)}, {"name"}, kind);
    CHECK_FALSE(placed.failure);
    CHECK(read_file(f.target()) == bytes);
    CHECK(are_present(placed.records));
    CHECK(names_in(f.where.root) == 1);
    CHECK(names_in(f.folder / "scratch") == 0);
  }
}

TEST_CASE("A blob that is a hard link of its source already stays one, without leftovers") {
  link_fixture f;
  fs::create_hard_link(f.source, f.target());
  const auto placed = f.link({claim(f.source)}, {"name"}, link_kind::hard_link);
  CHECK_FALSE(placed.failure);
  CHECK(status(f.source).links == 2);
  CHECK(names_in(f.folder / "scratch") == 0);
}

TEST_CASE("A symlink where a blob belongs is replaced, not followed") {
  link_fixture f;
  const auto victim = f.folder.write("victim", "keep");
  fs::create_symlink(victim, f.target());
  CHECK_FALSE(f.link({claim(f.source)}).failure);
  CHECK(read_file(victim) == "keep");
  CHECK(status(f.target()).regular);
}

TEST_CASE("Plain files are never hard links, whatever is asked for") {
  for (const link_kinds kinds :
       {auto_link_kinds, link_kinds(link_kind::hard_link), link_kinds(link_kind::symlink)}) {
    link_fixture f;
    f.plain();
    const auto placed = f.link({claim(f.source)}, {"deep/er/name"}, kinds);
    CHECK_FALSE(placed.failure);
    CHECK(read_file(f.target("deep/er/name")) == bytes);
    CHECK(status(f.target("deep/er/name")).links == 1);
    CHECK(status(f.target("deep/er/name")).regular);
    CHECK(status(f.target("deep/er/name")).mode == 0644);
    REQUIRE_FALSE(placed.records.empty());
    for (const auto& record : placed.records) {
      if (record.where.path != f.source) CHECK(record.where.store == mutability::mutable_store);
    }
  }
}

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
  CHECK_THROWS_AS(make_entries(f.folder.path(), f.where.root, entries({"name"})), hubcache::error);
  CHECK(std::filesystem::is_empty(f.folder / "elsewhere"));
}

TEST_CASE("What users edit is no more than a claim while its last write is fresh") {
  hubcache::os::file_identity now;
  now.mtime_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  CHECK(trust_after_hash(now, mutability::mutable_store) == trust::claimed);
  CHECK(trust_after_hash(now, mutability::immutable_store) == trust::verified);
  now.mtime_ns -= 3'000'000'000;
  CHECK(trust_after_hash(now, mutability::mutable_store) == trust::verified);
}

TEST_CASE("One content gets all its names, each a file of its own in a folder of plain files") {
  link_fixture f;
  f.plain();
  const auto placed = f.link({claim(f.source)}, {"a", "b/c"});
  CHECK(placed.target == f.target("a"));
  CHECK(read_file(f.target("a")) == bytes);
  CHECK(read_file(f.target("b/c")) == bytes);
  CHECK(status(f.target("a")).identity.inode != status(f.target("b/c")).identity.inode);
  CHECK(are_present(placed.records));
}

TEST_CASE("A plain file replaces the user's older one at once") {
  link_fixture f;
  f.plain();
  f.folder.write("to/name", "old");
  CHECK_FALSE(f.link({claim(f.source)}).failure);
  CHECK(read_file(f.target()) == bytes);
}

TEST_CASE("A symlink planted where a view's folder belongs is refused") {
  link_fixture f;
  f.plain();
  fs::create_directory(f.folder / "outside");
  fs::create_directory_symlink(f.folder / "outside", f.target("planted"));
  const auto placed = f.link({claim(f.source)}, {"planted/name"});
  CHECK_FALSE(placed.target);
  CHECK(placed.failure);
  CHECK(names_in(f.folder / "outside") == 0);
  CHECK(names_in(f.folder / "scratch") == 0);
}

TEST_CASE("A place that holds something else is stale, told to the user, and the next one is used") {
  link_fixture f;
  const auto wrong = f.folder.write("from/wrong", patterned(100'001).substr(1));
  const auto placed = f.link({claim(wrong), claim(f.folder / "gone"), claim(f.source)});
  CHECK(placed.source == f.source);
  REQUIRE(placed.stale.size() == 2);
  CHECK(placed.stale[0].where.path == wrong);
  CHECK(placed.stale[1].where.path == f.folder / "gone");
  REQUIRE(placed.warnings.size() == 2);
  CHECK(placed.warnings[0].starts_with(wrong + " cannot be used: "));
}

TEST_CASE("Without a place that holds the content nothing is placed, and that is no failure") {
  link_fixture f;
  const auto placed = f.link({claim(f.folder / "gone")});
  CHECK_FALSE(placed.target);
  CHECK_FALSE(placed.failure);
  CHECK(names_in(f.where.root) == 0);
}

TEST_CASE("A stop ends the search for a place") {
  link_fixture f;
  std::stop_source source;
  source.request_stop();
  const auto placed = link_content(what, {claim(f.source)}, {"name"}, f.where, f.folder / "scratch/p",
                                   auto_link_kinds, test::hashes, links, source.get_token());
  CHECK_FALSE(placed.target);
  CHECK(names_in(f.where.root) == 0);
}

TEST_CASE("A kind that was asked for and is not possible is told, of files that are not tiny") {
  link_fixture f;
  const no_hard_links strategy;
  const auto link = [&](const content& of, const std::string& from, const char* name, link_kinds kinds) {
    return link_content(of, {claim(from)}, {name}, f.where, f.folder / "scratch/p", kinds, test::hashes,
                        strategy, {});
  };
  const auto asked = link(what, f.source, "a", link_kind::hard_link);
  REQUIRE(asked.warnings.size() == 1);
  CHECK(asked.warnings[0].find("a was copied: a hardlink is not possible here") != std::string::npos);
  CHECK(link(what, f.source, "b", auto_link_kinds).warnings.empty());
  CHECK(link(content_of("tiny"), f.folder.write("tiny", "tiny"), "c", link_kind::hard_link).warnings.empty());
}

TEST_CASE("A small file is known under both its digests afterwards, a large one under its own") {
  link_fixture f;
  const auto git = content_of(bytes, hubcache::digest_algorithm::git_sha1);
  CHECK(records(f.link({claim(f.source)}).records, git.name, f.target()));
  const auto large = patterned((1 << 20) + 1);
  const auto placed =
      f.link({claim(f.folder.write("from/large", large))}, {"large"}, auto_link_kinds, content_of(large));
  CHECK_FALSE(placed.failure);
  CHECK_FALSE(records(placed.records, content_of(large, hubcache::digest_algorithm::git_sha1).name,
                      f.target("large")));
}

TEST_CASE("A symlink leads to its source and is no place of its own") {
  link_fixture f;
  const auto placed = f.link({claim(f.source)}, {"name"}, link_kind::symlink);
  CHECK(placed.link == link_kind::symlink);
  CHECK(fs::read_symlink(f.target()) == f.source);
  CHECK_FALSE(records(placed.records, what.name, f.target()));
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

TEST_CASE("Entries are relative links to blobs, at any depth") {
  const temp_folder folder;
  make_entries(folder.path(), folder / "snapshots/c", entries({"a.json", "unet/b.json", "x/y/z"}));
  const auto link = [&](const char* name) {
    return fs::read_symlink(folder / ("snapshots/c/" + std::string(name)));
  };
  CHECK(link("a.json") == blob_text);
  CHECK(link("unet/b.json") == "../" + blob_text);
  CHECK(link("x/y/z") == "../../" + blob_text);
}

TEST_CASE("Equal entries are left alone; dangling, other and plain ones are replaced") {
  const temp_folder folder;
  const auto view = folder / "view";
  folder.write("view/plain", "a file of a client without symlinks");
  fs::create_symlink("../../blobs/old", view + "/other");
  fs::create_symlink(blob_text, view + "/equal");
  const auto before = status(view + "/equal").identity;
  for (int i = 0; i < 2; ++i) make_entries(folder.path(), view, entries({"equal", "other", "plain"}));
  CHECK(status(view + "/equal").identity == before);
  CHECK(fs::read_symlink(view + "/other") == blob_text);
  CHECK(fs::read_symlink(view + "/plain") == blob_text);
  CHECK(names_in(view) == 3);
}

TEST_CASE("A symlink or a file where an entry's folder belongs is refused") {
  const temp_folder folder;
  fs::create_directories(folder / "view");
  fs::create_directory(folder / "outside");
  fs::create_directory_symlink("../outside", folder / "view/planted");
  folder.write("view/file", "");
  CHECK_THROWS_AS(make_entries(folder.path(), folder / "view", entries({"planted/name"})), hubcache::error);
  CHECK_THROWS_AS(make_entries(folder.path(), folder / "view", entries({"file/name"})), hubcache::error);
  CHECK(names_in(folder / "outside") == 0);
}

TEST_CASE("A folder where an entry belongs is refused and kept") {
  const temp_folder folder;
  folder.write("view/name/file", "keep");
  CHECK_THROWS_AS(make_entries(folder.path(), folder / "view", entries({"name"})), hubcache::error);
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
  CHECK_NOTHROW(make_entries(folder.path(), folder / "view", entries(paths)));
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(names_in(folder / "view") == 300);
}
