#include <hubcache/link/first_of.hpp>
#include <hubcache/store/link_batch.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <store/contents.hpp>
#include <store/placed.hpp>
#include <string>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <unistd.h>
#include <vector>

namespace fs = std::filesystem;
using hubcache::auto_link_kinds;
using hubcache::content;
using hubcache::destination;
using hubcache::fsync_mode;
using hubcache::link_batch;
using hubcache::link_kind;
using hubcache::link_kinds;
using hubcache::link_ref;
using hubcache::link_refusal;
using hubcache::mutability;
using hubcache::place;
using hubcache::placed_content;
using hubcache::store;
using test::are_present;
using test::claim;
using test::content_of;
using test::names_in;
using test::patterned;
using test::read_file;
using test::records;
using test::status;
using test::temp_folder;

namespace {

/// Content that may be hard-linked: not tiny.
const std::string bytes = patterned(100'000);
const content what = content_of(bytes);
const hubcache::default_link links;

/// A folder with the source of links, a destination and a place for temporary names.
struct link_fixture {
  link_fixture() { where.base = where.root = folder / "to"; }

  placed_content link(const std::vector<place>& places, const std::vector<std::string>& targets = {"name"},
                      link_kinds kinds = auto_link_kinds, const content& of = what) {
    link_batch batch(where, test::hashes, strategy, mode, stores);
    batch.add(of, places, targets, folder / "scratch/partial", kinds, {});
    return std::move(batch.publish().front());
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
  link_ref strategy = links;
  fsync_mode mode = fsync_mode::none;
  std::vector<store> stores;
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
  link_batch batch(f.where, test::hashes, links, fsync_mode::none, {});
  batch.add(what, {claim(f.source)}, {"name"}, f.folder / "scratch/p", auto_link_kinds, source.get_token());
  CHECK_FALSE(batch.publish().front().target);
  CHECK(names_in(f.where.root) == 0);
}

TEST_CASE("A kind that was asked for and is not possible is told, of files that are not tiny") {
  link_fixture f;
  const no_hard_links strategy;
  f.strategy = strategy;
  const auto asked = f.link({claim(f.source)}, {"a"}, link_kind::hard_link);
  REQUIRE(asked.warnings.size() == 1);
  CHECK(asked.warnings[0].find("a was copied: a hardlink is not possible here") != std::string::npos);
  CHECK(f.link({claim(f.source)}, {"b"}).warnings.empty());
  const auto tiny = f.folder.write("tiny", "tiny");
  CHECK(f.link({claim(tiny)}, {"c"}, link_kind::hard_link, content_of("tiny")).warnings.empty());
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

TEST_CASE("An unmet request is told once per batch and reason") {
  link_fixture f;
  const no_hard_links strategy;
  link_batch batch(f.where, test::hashes, strategy, fsync_mode::none, {});
  for (const auto* name : {"a", "b"}) {
    batch.add(what, {claim(f.source)}, {name}, f.folder / "scratch/p", link_kind::hard_link, {});
  }
  const auto placed = batch.publish();
  CHECK(placed[0].warnings.size() == 1);
  CHECK(placed[1].warnings.empty());
  CHECK(placed[1].refused == placed[0].refused);
}

TEST_CASE("No name appears before publish(), and what is not published is removed") {
  link_fixture f;
  {
    link_batch batch(f.where, test::hashes, links, fsync_mode::batch, {});
    batch.add(what, {claim(f.source)}, {"name"}, f.folder / "scratch/p", link_kind::copy, {});
    CHECK(names_in(f.where.root) == 0);
    CHECK(names_in(f.folder / "scratch") == 1);
  }
  CHECK(names_in(f.folder / "scratch") == 0);
}

TEST_CASE("Every sync mode gives the same files, and results in the order of the calls") {
  for (const auto mode : {fsync_mode::none, fsync_mode::batch, fsync_mode::each}) {
    link_fixture f;
    const auto tiny = f.folder.write("from/tiny", "tiny");
    link_batch batch(f.where, test::hashes, links, mode, {});
    batch.add(what, {claim(f.source)}, {"large"}, f.folder / "scratch/p", auto_link_kinds, {});
    batch.add(what, {}, {"nowhere"}, f.folder / "scratch/p", auto_link_kinds, {});
    batch.add(content_of("tiny"), {claim(tiny)}, {"tiny"}, f.folder / "scratch/p", link_kind::copy, {});
    const auto placed = batch.publish();
    REQUIRE(placed.size() == 3);
    CHECK(placed[0].target == f.target("large"));
    CHECK_FALSE(placed[1].target);
    CHECK(placed[2].target == f.target("tiny"));
    CHECK(placed[2].link == link_kind::copy);
    CHECK(read_file(f.target("tiny")) == "tiny");
    CHECK(names_in(f.folder / "scratch") == 0);
    for (const auto& each : placed) CHECK(are_present(each.records));
  }
}

TEST_CASE("A name that is a folder is a failure without leftovers") {
  link_fixture f;
  fs::create_directories(f.target("name/inside"));
  const auto placed = f.link({claim(f.source)});
  CHECK_FALSE(placed.target);
  CHECK(placed.failure == std::errc::is_a_directory);
  CHECK(placed.allocated == 0);
  CHECK(names_in(f.folder / "scratch") == 0);
}

TEST_CASE("The better kinds are reported with their reasons, best first, also where a rule forbids them") {
  link_fixture f;
  const auto tiny = f.folder.write("from/tiny", "tiny");
  const hubcache::first_of<hubcache::hard_link, hubcache::copy> strategy;
  f.strategy = strategy;
  CHECK(f.link({claim(tiny)}, {"a"}, auto_link_kinds, content_of("tiny")).refused ==
        std::vector{link_refusal(link_kind::hard_link, "smaller than 64 KiB")});
  CHECK(f.link({claim(f.source, mutability::mutable_store)}, {"b"}).refused ==
        std::vector{link_refusal(link_kind::hard_link, "an edit of the source would reach it")});
  CHECK(f.link({claim(f.source)}, {"c"}, link_kind::copy).refused.empty());
  CHECK(f.link({claim(f.source)}, {"d"}).refused.empty());
  f.plain();
  CHECK(f.link({claim(f.source)}, {"e"}).refused ==
        std::vector{link_refusal(link_kind::hard_link, "an edit would reach the source")});
}

TEST_CASE("What is hidden by its folder is not shown by a link: no hard link, and a stricter mode") {
  link_fixture f;
  fs::permissions(f.folder / "from", fs::perms(0700));
  const auto placed = f.link({claim(f.source)});
  CHECK(placed.link != link_kind::hard_link);
  CHECK(status(f.target()).mode == 0400);
  if (placed.link == link_kind::copy) {
    CHECK(placed.refused.back() == link_refusal(link_kind::hard_link, "more users could read it there"));
  }
}

TEST_CASE("What is hidden by a folder around both needs no stricter mode") {
  link_fixture f;
  fs::permissions(f.folder.path(), fs::perms(0700));
  const hubcache::first_of<hubcache::hard_link, hubcache::copy> strategy;
  f.strategy = strategy;
  CHECK(f.link({claim(f.source)}).link == link_kind::hard_link);
  CHECK(f.link({claim(f.source)}, {"copy"}, link_kind::copy).target);
  CHECK(status(f.target("copy")).mode == 0444);
}

TEST_CASE("A private file is not linked into a shared folder, where the others could not read it") {
  link_fixture f;
  fs::permissions(f.folder / "from", fs::perms(0700));
  const auto open = f.folder.write("open/file", bytes);
  for (const auto mode : {02775, 0777}) {
    fs::permissions(f.where.root, fs::perms(mode));
    for (const link_kinds kinds : {auto_link_kinds, link_kinds(link_kind::symlink)}) {
      const auto placed = f.link({claim(f.source), claim(f.source)}, {"name"}, kinds);
      CHECK_FALSE(placed.target);
      CHECK_FALSE(placed.failure);
      REQUIRE(placed.warnings.size() == 1);
      CHECK(placed.warnings[0].find("it is private") != std::string::npos);
      CHECK(names_in(f.where.root) == 0);
    }
    CHECK(f.link({claim(f.source), claim(open)}).source == open);
    fs::remove(f.target());
  }
}

TEST_CASE("What only a group may read stays within that group") {
  if (::geteuid() != 0) return;
  constexpr gid_t team = 4242;
  link_fixture f;
  REQUIRE(::chown((f.folder / "from").c_str(), 0, team) == 0);
  fs::permissions(f.folder / "from", fs::perms(0750));
  f.link({claim(f.source)}, {"elsewhere"}, link_kind::copy);
  CHECK(status(f.target("elsewhere")).mode == 0400);

  REQUIRE(::chown(f.where.root.c_str(), 0, team) == 0);
  fs::permissions(f.where.root, fs::perms(02770));
  REQUIRE(::chown((f.folder / "scratch").c_str(), 0, team) == 0);
  fs::permissions(f.folder / "scratch", fs::perms(02770));
  const auto shared = f.link({claim(f.source)}, {"shared"}, link_kind::copy);
  CHECK(shared.target);
  CHECK(status(f.target("shared")).mode == 0444);  // the folder keeps the others out
  CHECK(status(f.target("shared")).group == team);
  fs::permissions(f.where.root, fs::perms(02775));
  const auto seen = f.link({claim(f.source)}, {"seen"}, link_kind::copy);
  CHECK(seen.target);
  CHECK(status(f.target("seen")).mode == 0440);
}

TEST_CASE("Content of an in-place store is shown by an absolute symlink, which is no place of its own") {
  link_fixture f;
  f.stores.emplace_back(hubcache::store_kind::folder, f.folder / "from", hubcache::store_origin::configured);
  f.stores.back().in_place = true;
  const auto placed = f.link({claim(f.source)});
  CHECK(placed.link == link_kind::symlink);
  CHECK(placed.refused.empty());
  CHECK(fs::read_symlink(f.target()) == f.source);
  CHECK_FALSE(records(placed.records, what.name, f.target()));
  CHECK(f.link({claim(f.source)}, {"asked"}, link_kind::copy).link == link_kind::copy);
  f.plain();
  CHECK(f.link({claim(f.source)}, {"plain"}).link != link_kind::symlink);
}

TEST_CASE("Where no symlink can be made, an in-place store is linked as any other, with one warning") {
  link_fixture f;
  f.stores.emplace_back(hubcache::store_kind::folder, f.folder / "from", hubcache::store_origin::configured);
  f.stores.back().in_place = true;
  const hubcache::first_of<hubcache::copy> strategy;
  link_batch batch(f.where, test::hashes, strategy, fsync_mode::none, f.stores);
  for (const auto* name : {"a", "b"}) {
    batch.add(what, {claim(f.source)}, {name}, f.folder / "scratch/p", auto_link_kinds, {});
  }
  const auto placed = batch.publish();
  CHECK(placed[0].link == link_kind::copy);
  REQUIRE(placed[0].warnings.size() == 1);
  CHECK(placed[0].warnings[0].starts_with(f.source + " cannot be used in place: "));
  CHECK(placed[1].link == link_kind::copy);
  CHECK(placed[1].warnings.empty());
}
