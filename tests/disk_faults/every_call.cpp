// Every call on the disk that some work makes fails, one in each run: what a run says then, what it leaves behind, and
// that the next one mends it.
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/dedupe.hpp>
#include <hubcache/upkeep/removal.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>
#include <index/index_folder.hpp>
#include <support/hub_cache.hpp>

#include "disk_faults/disk_calls.hpp"
#include "disk_faults/scene.hpp"

using hubcache::link_kind;
using hubcache::snapshot_options;
using test::call_fate;
using test::disk_call;
using test::machine;
using test::two_repos;
namespace fs = std::filesystem;

namespace {

/// How calls fail.
struct fault {
  fault(call_fate f, bool on) : fate(f), onwards(on) {}
  call_fate fate;
  bool onwards;  ///< All that follow fail, too.
};
const fault broken(call_fate{EIO, false}, false);
const fault full(call_fate{ENOSPC, false}, true);
const fault halved(call_fate{0, true}, true);

/// What fails, and how: each kind of call by an I/O error, those that need space by a disk that is full from then on.
std::vector<std::pair<disk_call, fault>> all_faults() {
  std::vector<std::pair<disk_call, fault>> all;
  for (const auto kind : test::all_disk_calls) all.emplace_back(kind, broken);
  for (const auto kind : {disk_call::open, disk_call::write, disk_call::copy, disk_call::reserve,
                          disk_call::rename, disk_call::link, disk_call::symlink, disk_call::make_folder}) {
    all.emplace_back(kind, full);
  }
  return all;
}

/// Does the work that is given to it, on what lies below a folder, with one call failing. @return whether it came to that
using failing_work = std::function<bool(const std::string& below, const std::function<void()>& work)>;

/// Calls `once(failing)` with the first call of `kind` failing, then with a later one, until there are no more. `once`
/// prepares, gives `failing` the work, and checks what came of it. @return how many calls failed
std::size_t fail_each(disk_call kind, const fault& how,
                      const std::function<void(const failing_work&)>& once) {
  std::string where;
  const auto name = test::name_of(kind);
  CAPTURE(name);
  CAPTURE(how.fate.error);
  CAPTURE(where);
  std::size_t count = 0;
  for (std::size_t n = 1;; n = test::next_to_fail(n)) {
    bool met = false;
    once([&](const std::string& below, const std::function<void()>& work) {
      test::nth_failure failing(
          below, [kind](const test::seen_call& call) { return call.kind == kind; }, n, how.fate, how.onwards);
      work();
      met = failing.met();
      where = failing.first().path;
      return met;
    });
    if (!met) return count;
    ++count;
  }
}

std::size_t fail_all(const std::function<void(const failing_work&)>& once) {
  std::size_t count = 0;
  for (const auto& [kind, how] : all_faults()) count += fail_each(kind, how, once);
  return count;
}

/// Runs `work` and gives the error it ends with.
std::optional<hubcache::error> failure_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const hubcache::error& e) {
    return e;
  }
  return std::nullopt;
}

/// Whether there is no file `path`, or one that begins with `text`.
bool is_absent_or(const std::string& path, std::string_view text) {
  return !fs::exists(path) || test::read_file(path).starts_with(text);
}

/// What holds after a run on `repo`, whether it `failed` or not.
void check_state(const machine& here, const two_repos& world, const std::optional<hubcache::error>& failed) {
  if (failed) {
    INFO(failed->what());
    CHECK(test::is_clear(*failed));
  }
  CHECK(is_absent_or(here.config.cache_dir + "/CACHEDIR.TAG", "Signature: "));
  CHECK(test::wrong_blobs(here.config.cache_dir) == std::vector<std::string>());
  CHECK(test::ref_is_true(here, world.first));
  CHECK(test::ref_is_true(here, world.second));
  CHECK(test::open_files(here.home.path()) == std::vector<std::string>());
}

/// That a run without faults completes `repo`, and fetches `most` bytes at most.
void check_recovery(machine& here, two_repos& world, const embedded::repo_model& repo, std::uint64_t most,
                    const snapshot_options& options = snapshot_options()) {
  world.hub.log().clear();
  const auto got = here.snapshot(repo.id, options);
  CHECK(test::holds(got, repo.files()));
  CHECK(world.hub.log().content_bytes_sent() <= most);
}

}  // namespace

TEST_CASE(
    "whatever call of a download fails: a clear error or none, nothing wrong, and the next run goes on") {
  two_repos world;
  std::size_t count = 0;
  for (const auto& [kind, how] : all_faults()) {
    const bool tidy = kind != disk_call::remove;  // what cannot be removed stays
    count += fail_each(kind, how, [&world, tidy](const failing_work& failing) {
      machine here(world.hub);
      here.config.fsync = hubcache::fsync_mode::each;
      std::optional<hubcache::error> failed;
      const bool met = failing(here.home.path(), [&] { failed = here.failure("acme/first"); });
      if (!met) CHECK_FALSE(failed);
      check_state(here, world, failed);
      const auto durable = test::durable_bytes(here, world.first);
      check_recovery(here, world, world.first, test::all_bytes(world.first) - durable);
      if (tidy) CHECK(test::leftovers(here.home.path()) == std::vector<std::string>());
    });
  }
  MESSAGE("failed calls: ", count);
  CHECK(count > 60);
}

TEST_CASE("short reads and writes are completed") {
  two_repos world;
  for (const auto kind : {disk_call::read, disk_call::write, disk_call::copy}) {
    machine here(world.hub);
    here.snapshot("acme/first");
    const test::nth_failure failing(
        here.home.path(), [kind](const test::seen_call& call) { return call.kind == kind; }, 1, halved.fate,
        halved.onwards);
    snapshot_options copied;
    copied.links = link_kind::copy;
    CHECK(test::holds(here.snapshot("acme/second", copied), world.second.files()));
    CHECK(failing.met());
  }
}

TEST_CASE(
    "whatever call of a link to another repo fails: what cannot be linked is fetched, or a clear error") {
  two_repos world;
  for (const auto kind : {link_kind::hard_link, link_kind::copy}) {
    snapshot_options options;
    options.links = kind;
    const auto count = fail_all([&](const failing_work& failing) {
      machine here(world.hub);
      here.config.fsync = hubcache::fsync_mode::each;
      here.snapshot("acme/first");
      std::optional<hubcache::error> failed;
      const bool met = failing(here.home.path(), [&] { failed = here.failure("acme/second", options); });
      if (!met) CHECK_FALSE(failed);
      check_state(here, world, failed);
      const auto own = world.second.files().at("config.json").content.size();
      check_recovery(here, world, world.second, own, options);
      CHECK(test::is_whole(here.snapshot("acme/first").path, world.first));
    });
    MESSAGE("failed calls: ", count);
    CHECK(count > 60);
  }
}

TEST_CASE(
    "whatever call of a download into a local folder fails: no file with other bytes, and the next run goes "
    "on") {
  two_repos world;
  const auto count = fail_all([&](const failing_work& failing) {
    machine here(world.hub);
    snapshot_options options;
    options.local_dir = here.home / "local";
    std::optional<hubcache::error> failed;
    const bool met = failing(here.home.path(), [&] { failed = here.failure("acme/first", options); });
    if (!met) CHECK_FALSE(failed);
    check_state(here, world, failed);
    for (const auto& [path, file] : world.first.files()) {
      const auto at = fs::path(options.local_dir) / path;
      if (fs::exists(at)) CHECK(test::read_file(at) == file.content.text());
    }
    CHECK(is_absent_or(options.local_dir + "/.cache/huggingface/.gitignore", "*"));
    check_recovery(here, world, world.first, test::all_bytes(world.first), options);
  });
  MESSAGE("failed calls: ", count);
}

TEST_CASE("whatever call of a removal fails: the other repo stays whole, and the next removal ends it") {
  two_repos world;
  const auto remove = [](machine& here) {
    hubcache::workers pool{2};
    hubcache::mapped_index index(here.config.state_dir + "/index");
    const auto seen = hubcache::take_census(here.config.cache_dir, pool);
    hubcache::removal_choice chosen(seen);
    for (std::size_t r = 0; r < seen.repos.size(); ++r) chosen.repos[r] = seen.repos[r].id == "acme/first";
    const auto what = plan_removal(seen, map_disk(seen, pool), chosen);
    return carry_out(what, here.config.state_dir, index);
  };
  const auto count = fail_all([&](const failing_work& failing) {
    machine here(world.hub);
    here.snapshot("acme/first");
    here.snapshot("acme/second");
    const bool met = failing(here.home.path(), [&] { failure_of([&] { static_cast<void>(remove(here)); }); });
    check_state(here, world, std::nullopt);
    if (met) static_cast<void>(remove(here));
    CHECK_FALSE(fs::exists(here.repo_dir(hubcache::repo("acme/first"))));
    world.hub.log().clear();
    CHECK(test::holds(here.snapshot("acme/second"), world.second.files()));
    CHECK(world.hub.log().content_gets() == 0);
  });
  MESSAGE("failed calls: ", count);
  CHECK(count > 50);
}

TEST_CASE("whatever call of a dedupe fails: both repos keep their bytes, and the next run shares them") {
  const auto weights = test::patterned(300'000);
  const hubcache::repo one("acme/one"), two("acme/two");
  const auto count = fail_all([&](const failing_work& failing) {
    const test::temp_folder home;
    const test::hub_cache cache(home / "hub");
    for (const auto* repo : {&one, &two}) cache.add(*repo, test::commit_of('1'), {{"model.bin", weights}});
    hubcache::workers pool{2};
    hubcache::mapped_index index(home / "state/index");
    const auto dedupe_all = [&] {
      const auto seen = hubcache::take_census(cache.path(), pool);
      auto plan = plan_dedupe(std::span(&seen, 1), {}, index, {}, {}, pool, {});
      static_cast<void>(hubcache::dedupe(std::move(plan), home / "state", index, {}, {}));
    };
    failing(home.path(), [&] { failure_of(dedupe_all); });
    for (const auto* repo : {&one, &two}) CHECK(test::read_file(cache.blob(*repo, weights)) == weights);
    dedupe_all();
    CHECK(fs::equivalent(cache.blob(one, weights), cache.blob(two, weights)));
  });
  MESSAGE("failed calls: ", count);
  CHECK(count > 30);
}

TEST_CASE("whatever call on the index fails: look-ups tell nothing wrong, and the next insert succeeds") {
  const auto count = fail_all([](const failing_work& failing) {
    const test::filled_folder folder(600);
    failing(folder.path().string(), [&] {
      hubcache::mapped_index index(folder.path().string());
      index.insert(test::records(600, 700));  // the table grows
      CHECK(test::found(index, 10) >= 0);
      static_cast<void>(index.rebuild());
    });
    hubcache::mapped_index index(folder.path().string());
    CHECK(test::found(index, 700) >= 0);
    index.insert(test::records(0, 700));
    CHECK(test::found(index, 700) == 700);
    CHECK(test::all_genuine(index));
  });
  MESSAGE("failed calls: ", count);
  CHECK(count > 50);
}

TEST_CASE("whatever call of pinning fails: a clear error or a pin that is there") {
  const auto count = fail_all([](const failing_work& failing) {
    const test::temp_folder home;
    const hubcache::ledger book(home / "state");
    const hubcache::pin one(home / "hub", "model/acme/one", "main");
    std::error_code ec;
    failing(home.path(), [&] { book.add_pin(one, ec); });
    if (!ec) CHECK(book.pins(home / "hub").pins.size() == 1);
    book.add_pin(one, ec);
    CHECK_FALSE(ec);
    const auto pins = book.pins(home / "hub");
    CHECK(pins.pins.size() == 1);
    CHECK(pins.problems.empty());
  });
  CHECK(count > 5);
}
