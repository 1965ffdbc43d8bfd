#include <hubcache/index/memory_index.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/publish.hpp>
#include <hubcache/upkeep/dedupe.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <support/child_process.hpp>
#include <support/hub_cache.hpp>
#include <support/mounted.hpp>
#include <support/patterned.hpp>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

using hubcache::link_kind;
using hubcache::store;
using test::mounted;
namespace fs = std::filesystem;

namespace {

constexpr auto btrfs = "mkfs.btrfs -q";
constexpr auto xfs = "mkfs.xfs -q -m reflink=1";
constexpr auto ext4 = "mkfs.ext4 -q";

/// Two repos with the same weights, on a file system of their own.
struct scene {
  explicit scene(const mounted& where, std::size_t size = 6'000'001)
      : disk(where), cache(where / "hub"), weights(test::patterned(size)) {
    cache.add(one, test::commit_of('1'), {{"model.bin", weights}, {"small", "{}"}});
    cache.add(two, test::commit_of('2'), {{"model.bin", weights}, {"small", "{}"}});
  }

  [[nodiscard]] hubcache::census look() { return hubcache::take_census(cache.path(), pool); }
  [[nodiscard]] hubcache::dedupe_plan plan(const hubcache::dedupe_options& options = {}) {
    const auto seen = look();
    return plan_dedupe(std::span(&seen, 1), stores, index, claims, options, pool, {});
  }
  hubcache::dedupe_plan run(hubcache::dedupe_plan planned) {
    return dedupe(std::move(planned), disk / "state", index, {}, {});
  }
  hubcache::dedupe_plan run() { return run(plan()); }

  [[nodiscard]] std::string blob(const hubcache::repo& which) const { return cache.blob(which, weights); }
  [[nodiscard]] bool same_inode() const { return fs::equivalent(blob(one), blob(two)); }
  /// A file in a folder that the index knows.
  std::string add_folder_file(hubcache::store_kind kind, const std::string& bytes) {
    const auto path = disk.folder("folder") + "/file";
    std::ofstream(path, std::ios::binary) << bytes;
    stores.emplace_back(kind, disk / "folder", hubcache::store_origin::added);
    std::error_code ec;
    const auto identity = hubcache::os::status(path, ec).identity;
    const std::vector records{hubcache::verified_record(test::content_of(weights).name, path, identity,
                                                        hubcache::mutability_of(kind))};
    index.insert(records);
    return path;
  }

  const mounted& disk;
  test::hub_cache cache;
  hubcache::workers pool{2};
  hubcache::memory_index index;
  std::vector<store> stores;
  std::vector<hubcache::index_record> claims;
  const hubcache::repo one{"acme/one"};
  const hubcache::repo two{"acme/two"};
  const std::string weights;
};

/// The only step of the only group.
const hubcache::dedupe_step& only_step(const hubcache::dedupe_plan& plan) {
  REQUIRE(plan.groups.size() == 1);
  REQUIRE(plan.groups.front().steps.size() == 1);
  return plan.groups.front().steps.front();
}

void check_sharing(const mounted& disk) {
  scene s(disk, 40'000'001);  // more than is compared in one call
  std::error_code ec;
  fs::permissions(s.blob(s.two), fs::perms::owner_read);  // need not have the mode of the other
  const auto before = hubcache::os::status(s.blob(s.two), ec);
  const auto planned = s.plan();
  const auto size = s.weights.size();
  CHECK(only_step(planned).how == link_kind::reflink);
  CHECK(planned.saves() >= size);
  CHECK(planned.saves() < size + 65536);

  const auto done = s.run(planned);
  CHECK(done.complete);
  CHECK(only_step(done).done);
  CHECK(only_step(done).problem.empty());
  CHECK(done.freed > size * 9 / 10);
  const auto after = hubcache::os::status(s.blob(s.two), ec);
  CHECK(after.identity == before.identity);
  CHECK(after.mode == before.mode);
  CHECK(test::read_file(s.blob(s.one)) == s.weights);
  CHECK(test::read_file(s.blob(s.two)) == s.weights);
  CHECK(s.look().problems.empty());
  CHECK(s.plan().groups.empty());  // nothing is left to do
}

}  // namespace

TEST_CASE("btrfs: equal blobs of two repos come to share their blocks, and stay files of their own") {
  if (const auto disk = mounted::image(btrfs, "300M")) check_sharing(*disk);
}

TEST_CASE("xfs: equal blobs of two repos come to share their blocks, and stay files of their own") {
  if (const auto disk = mounted::image(xfs, "300M")) check_sharing(*disk);
}

TEST_CASE(
    "btrfs: blocks are shared across subvolumes, with users' folders too, and free space is told right") {
  const auto disk = mounted::image(btrfs, "300M");
  if (!disk || !test::runs("btrfs subvolume create " + *disk / "folder")) return;
  scene s(*disk);
  const auto own = s.add_folder_file(hubcache::store_kind::folder, s.weights);
  const auto planned = s.plan();
  REQUIRE(planned.groups.size() == 1);
  CHECK(planned.groups.front().steps.size() == 2);
  CHECK(planned.groups.front().kept.store == hubcache::mutability::immutable_store);
  const auto done = s.run(planned);
  for (const auto& step : done.groups.front().steps) CHECK(step.done);
  CHECK(done.freed > 2 * s.weights.size() * 9 / 10);
  CHECK(done.freed < 2 * s.weights.size() * 11 / 10);  // though there are two devices
  std::ofstream(own, std::ios::in | std::ios::out) << "edited";
  CHECK(test::read_file(s.blob(s.one)) == s.weights);
}

TEST_CASE("what is shared among three frees its bytes once") {
  const auto disk = mounted::image(xfs, "300M");
  if (!disk) return;
  scene s(*disk);
  const hubcache::repo three("acme/three");
  s.cache.add(three, test::commit_of('3'), {{"model.bin", s.weights}});
  fs::remove(s.blob(three));
  REQUIRE(test::runs("cp --reflink=always " + s.blob(s.two) + " " + s.blob(three)));
  const auto planned = s.plan();
  CHECK(planned.saves() < s.weights.size() * 11 / 10);
  const auto done = s.run(planned);
  CHECK(done.freed > s.weights.size() * 9 / 10);
  CHECK(s.plan().groups.empty());
}

TEST_CASE("ext4: equal blobs become hard links, entries still lead to them, and the index keeps its trust") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  std::error_code ec;
  const auto name = test::content_of(s.weights).name;
  const auto identity = hubcache::os::status(s.blob(s.two), ec).identity;
  const std::vector records{
      hubcache::verified_record(name, s.blob(s.two), identity, hubcache::mutability::immutable_store)};
  s.index.insert(records);

  const auto planned = s.plan();
  CHECK(only_step(planned).how == link_kind::hard_link);
  CHECK(planned.saves() >= s.weights.size());
  const auto done = s.run(planned);
  CHECK(only_step(done).done);
  CHECK(done.freed > s.weights.size() * 9 / 10);
  CHECK(s.same_inode());
  CHECK(test::read_file(s.cache.layout(s.two).snapshot(test::commit_of('2')) + "/model.bin") == s.weights);
  CHECK(!fs::equivalent(s.cache.blob(s.one, "{}"), s.cache.blob(s.two, "{}")));  // too small
  CHECK(s.look().problems.empty());
  CHECK(s.plan().groups.empty());
  const auto places = s.index.find(name);
  CHECK(places.size() == 2);
  for (const auto& p : places) {
    CHECK(p.state == hubcache::trust::verified);
    CHECK(p.identity == hubcache::os::status(p.path, ec).identity);
  }
}

TEST_CASE("a file that is written to while it is compared is left, and not believed afterwards") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  std::error_code ec;
  const auto name = test::content_of(s.weights).name;
  for (const auto& repo : {s.one, s.two}) {
    const auto identity = hubcache::os::status(s.blob(repo), ec).identity;
    const std::vector records{
        hubcache::verified_record(name, s.blob(repo), identity, hubcache::mutability::immutable_store)};
    s.index.insert(records);
  }
  const auto planned = s.plan();
  const auto changed = only_step(planned).file.names.front().path;
  const auto write = [&](std::uint64_t, std::uint64_t) {
    std::fstream(changed, std::ios::in | std::ios::out | std::ios::binary) << "EVIL";
  };
  const auto done = dedupe(planned, *disk / "state", s.index, write, {});
  CHECK(!only_step(done).done);
  CHECK(test::read_file(changed).starts_with("EVIL"));
  for (const auto& p : s.index.find(name)) {
    const bool believed = p.path == changed && p.state == hubcache::trust::verified &&
                          p.identity == hubcache::os::status(changed, ec).identity;
    CHECK_FALSE(believed);
  }
}

TEST_CASE("a name that was never verified is no more trusted for having an equal twin") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  CHECK(only_step(s.run()).done);
  for (const auto& p : s.index.find(test::content_of(s.weights).name))
    CHECK(p.state == hubcache::trust::claimed);
}

TEST_CASE("content that differs though it has the same name is never replaced") {
  for (const auto* mkfs : {btrfs, ext4}) {
    const auto disk = mounted::image(mkfs, "300M");
    if (!disk) continue;
    CAPTURE(mkfs);
    scene s(*disk);
    auto damaged = s.weights;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    std::ofstream(s.blob(s.two), std::ios::binary) << damaged;
    const auto done = s.run();
    CHECK(!only_step(done).done);
    CHECK(only_step(done).problem.find("does not hold the same bytes") != std::string::npos);
    CHECK(test::read_file(s.blob(s.one)) == s.weights);
    CHECK(test::read_file(s.blob(s.two)) == damaged);
    CHECK(!s.same_inode());
  }
}

TEST_CASE("a file that changes between plan and run is left as it is") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  const auto planned = s.plan();
  SUBCASE("written to") { std::ofstream(s.blob(s.two), std::ios::app) << "more"; }
  SUBCASE("replaced") {
    fs::copy_file(s.blob(s.two), *disk / "copy");
    fs::rename(*disk / "copy", s.blob(s.two));
  }
  const auto bytes = test::read_file(s.blob(s.two));
  CHECK(only_step(s.run(planned)).problem == "it changed meanwhile");
  CHECK(test::read_file(s.blob(s.two)) == bytes);
  CHECK(!s.same_inode());
}

TEST_CASE("ext4: other owners, modes and attributes are left, as are folders that users edit") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  SUBCASE("owner") {
    REQUIRE(::chown(s.blob(s.two).c_str(), 4242, static_cast<gid_t>(-1)) == 0);
    CHECK(only_step(s.plan()).problem.find("belongs to another user") != std::string::npos);
    hubcache::dedupe_options options;
    options.across_owners = true;
    CHECK(!only_step(s.plan(options)).how);
  }
  SUBCASE("mode") {
    fs::permissions(s.blob(s.two), fs::perms::owner_read);
    CHECK(only_step(s.plan()).problem.find("owner or mode") != std::string::npos);
  }
  SUBCASE("extended attributes") {
    REQUIRE(::setxattr(s.blob(s.two).c_str(), "user.origin", "x", 1, 0) == 0);
    CHECK(only_step(s.run()).problem.find("extended attributes") != std::string::npos);
  }
  SUBCASE("names elsewhere") {
    fs::create_hard_link(s.blob(s.one), *disk / "a");
    fs::create_hard_link(s.blob(s.two), *disk / "b");
    CHECK(only_step(s.plan()).problem.find("names in places") != std::string::npos);
  }
  SUBCASE("a folder") {
    fs::remove(s.blob(s.two));
    fs::remove(s.cache.layout(s.two).snapshot(test::commit_of('2')) + "/model.bin");
    s.add_folder_file(hubcache::store_kind::folder, s.weights);
    CHECK(only_step(s.plan()).problem.find("users may edit it") != std::string::npos);
  }
  const auto done = s.run();
  CHECK(!only_step(done).done);
  CHECK(!s.same_inode());
}

TEST_CASE("btrfs: another owner's file is shared only on request") {
  const auto disk = mounted::image(btrfs, "300M");
  if (!disk) return;
  scene s(*disk);
  REQUIRE(::chown(s.blob(s.two).c_str(), 4242, static_cast<gid_t>(-1)) == 0);
  CHECK(!only_step(s.run()).done);
  hubcache::dedupe_options options;
  options.across_owners = true;
  CHECK(only_step(s.run(s.plan(options))).done);
}

TEST_CASE(
    "Ollama's blobs are linked with those of the cache; read-only stores and stale records are left out") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  fs::remove_all(*disk / "hub/models--acme--two");
  const auto path = s.add_folder_file(hubcache::store_kind::ollama, s.weights);
  SUBCASE("linked") {
    CHECK(only_step(s.run()).done);
    CHECK(fs::equivalent(path, s.blob(s.one)));
  }
  SUBCASE("known by a scan alone") {
    const auto name = test::content_of(s.weights).name;
    s.claims.emplace_back(name, s.index.find(name).front());
    s.index.forget(name, path);
    CHECK(only_step(s.plan()).how == link_kind::hard_link);
  }
  SUBCASE("read-only") {
    s.stores.front().read_only = true;
    CHECK(s.plan().groups.empty());
  }
  SUBCASE("stale") {
    std::ofstream(path, std::ios::app) << "more";
    CHECK(s.plan().groups.empty());
  }
}

TEST_CASE("payloads that blobs lead to by symlinks are not touched") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  const auto payload = disk->folder("hub/blobs/ab") + "/payload";
  std::ofstream(*disk / "hub/blobs/.huggingface-shared-blobs") << "1\n";
  fs::rename(s.blob(s.two), payload);
  fs::create_symlink("../../blobs/ab/payload", s.blob(s.two));
  CHECK(s.plan().groups.empty());
}

TEST_CASE("a content that another process moves now is left for another time") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  std::error_code ec;
  const auto name = test::content_of(s.weights).name;
  const auto planned = s.plan();
  const auto lock = hubcache::content_lock::try_lock(*disk / "state", name, "", ec);
  REQUIRE(lock);
  CHECK(only_step(s.run(planned)).problem == "another process works on it");
  CHECK(!s.same_inode());
}

TEST_CASE("a run that is stopped leaves the rest as it is, and says that it is not complete") {
  const auto disk = mounted::image(ext4, "64M");
  if (!disk) return;
  scene s(*disk);
  std::stop_source stop;
  const auto at_once = [&stop](std::uint64_t, std::uint64_t) { stop.request_stop(); };
  const auto done = dedupe(s.plan(), *disk / "state", s.index, at_once, stop.get_token());
  CHECK(!done.complete);
  CHECK(!only_step(done).done);
  CHECK(!s.same_inode());
}

TEST_CASE("a process killed in the middle leaves every file complete, and another run finishes the work") {
  for (const auto* mkfs : {btrfs, ext4}) {
    const auto disk = mounted::image(mkfs, "200M");
    if (!disk) continue;
    CAPTURE(mkfs);
    const test::hub_cache cache(*disk / "hub");
    std::map<std::string, std::string> files;
    for (int i = 0; i < 30; ++i)
      files["f" + std::to_string(i)] = test::patterned(400'000) + std::to_string(i);
    const hubcache::repo one("acme/one"), two("acme/two");
    cache.add(one, test::commit_of('1'), files);
    cache.add(two, test::commit_of('2'), files);
    const auto work = [&] {
      hubcache::workers pool(1);
      hubcache::memory_index index;
      const auto seen = hubcache::take_census(cache.path(), pool);
      return dedupe(plan_dedupe(std::span(&seen, 1), {}, index, {}, {}, pool, {}), *disk / "state", index, {},
                    {});
    };
    const auto check = [&] {
      for (const auto& [path, bytes] : files) {
        for (const auto& [repo, commit] : {std::pair(one, '1'), std::pair(two, '2')}) {
          const auto entry = cache.layout(repo).snapshot(test::commit_of(commit)) + "/" + path;
          CHECK(test::read_file(entry) == bytes);
        }
      }
      hubcache::workers pool(1);
      CHECK(hubcache::take_census(cache.path(), pool).problems.empty());
    };
    for (const int milliseconds : {5, 20, 60}) {
      test::child_process child([&](const auto& signal) {
        work();
        signal('d');
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
      child.kill();
      check();
    }
    for (const auto& group : work().groups) {
      for (const auto& step : group.steps) CHECK(step.done);
    }
    check();
  }
}
