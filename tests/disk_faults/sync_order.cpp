// What is synced before what, in each mode of fsync: the order of calls decides what a power cut can leave behind.
#include <hubcache/settings.hpp>

#include <doctest/doctest.h>

#include "disk_faults/disk_calls.hpp"
#include "disk_faults/scene.hpp"

using hubcache::fsync_mode;
using hubcache::link_kind;
using test::disk_call;
using test::machine;
using test::seen_call;
using test::two_repos;

namespace {

/// The calls of one run below the cache folder, in order.
std::vector<seen_call> calls_of(machine& here, const std::string& repo,
                                const hubcache::snapshot_options& options = hubcache::snapshot_options()) {
  std::vector<seen_call> calls;
  {
    const test::disk_watch watch(here.config.cache_dir, [&](const seen_call& call) {
      calls.push_back(call);
      return test::call_fate();
    });
    here.snapshot(repo, options);
  }
  return calls;
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool ends(const seen_call& call, disk_call kind, std::string_view folder) {
  return call.kind == kind && folder_of(call.to).ends_with(folder);
}

std::size_t count(const std::vector<seen_call>& calls, disk_call kind) {
  return static_cast<std::size_t>(
      std::count_if(calls.begin(), calls.end(), [kind](const seen_call& call) { return call.kind == kind; }));
}

/// Whether the file that gets its name by `calls[at]` was synced before, after the last write to it.
bool synced_before_name(const std::vector<seen_call>& calls, std::size_t at) {
  for (auto i = at; i-- > 0;) {
    const bool its = calls[i].path == calls[at].path || calls[i].to == calls[at].path;
    if (its && calls[i].kind == disk_call::sync) return true;
    if (its && (calls[i].kind == disk_call::write || calls[i].kind == disk_call::copy)) return false;
  }
  return false;
}

/// Where blobs get their names.
std::vector<std::size_t> blob_names(const std::vector<seen_call>& calls) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (ends(calls[i], disk_call::rename, "/blobs") && !calls[i].to.ends_with(".incomplete"))
      found.push_back(i);
  }
  return found;
}

std::size_t ref_name(const std::vector<seen_call>& calls) {
  const auto at = std::find_if(calls.begin(), calls.end(),
                               [](const seen_call& call) { return ends(call, disk_call::rename, "/refs"); });
  REQUIRE(at != calls.end());
  return static_cast<std::size_t>(at - calls.begin());
}

/// What every mode keeps: blobs, then their entries, then the ref.
void check_ref_last(const std::vector<seen_call>& calls) {
  const auto ref = ref_name(calls);
  for (std::size_t i = ref + 1; i < calls.size(); ++i) {
    CHECK_FALSE(ends(calls[i], disk_call::rename, "/blobs"));
    CHECK_FALSE(calls[i].kind == disk_call::symlink);
  }
}

}  // namespace

TEST_CASE("fsync none: nothing is synced, and the ref comes last") {
  two_repos world;
  machine here(world.hub);
  here.config.fsync = fsync_mode::none;
  const auto calls = calls_of(here, "acme/first");
  CHECK(blob_names(calls).size() == 4);
  CHECK(count(calls, disk_call::sync) + count(calls, disk_call::sync_folder) == 0);
  check_ref_last(calls);
}

TEST_CASE(
    "fsync batch: no blob and no ref has its name before its bytes are synced, and the ref comes last") {
  two_repos world;
  machine here(world.hub);
  here.config.fsync = fsync_mode::batch;
  const auto calls = calls_of(here, "acme/first");
  CHECK(blob_names(calls).size() == 4);
  for (const auto at : blob_names(calls)) CHECK(synced_before_name(calls, at));
  CHECK(synced_before_name(calls, ref_name(calls)));
  check_ref_last(calls);
}

TEST_CASE("fsync each: the folder is synced after every name, too") {
  two_repos world;
  machine here(world.hub);
  here.config.fsync = fsync_mode::each;
  const auto calls = calls_of(here, "acme/first");
  auto names = blob_names(calls);
  CHECK(names.size() == 4);
  names.push_back(ref_name(calls));
  for (const auto at : names) {
    CHECK(synced_before_name(calls, at));
    REQUIRE(at + 2 < calls.size());
    const auto next =
        std::find_if(calls.begin() + static_cast<std::ptrdiff_t>(at), calls.end(), [&](const auto& call) {
          return call.kind == disk_call::sync_folder && call.path == folder_of(calls[at].to);
        });
    REQUIRE(next != calls.end());
    // The same worker names nothing in between; others may.
    CHECK(std::none_of(calls.begin() + static_cast<std::ptrdiff_t>(at) + 1, next, [&](const seen_call& call) {
      return call.kind == disk_call::rename && call.thread == calls[at].thread;
    }));
  }
  check_ref_last(calls);
}

TEST_CASE("a copy from another repo obeys fsync like a download") {
  two_repos world;
  hubcache::snapshot_options options;
  options.links = link_kind::copy;
  for (const auto mode : {fsync_mode::none, fsync_mode::batch, fsync_mode::each}) {
    machine here(world.hub);
    here.config.fsync = mode;
    here.snapshot("acme/first");
    const auto calls = calls_of(here, "acme/second", options);
    CHECK(blob_names(calls).size() == 4);
    if (mode == fsync_mode::none) CHECK(count(calls, disk_call::sync) == 0);
    for (const auto at : blob_names(calls))
      CHECK(synced_before_name(calls, at) == (mode != fsync_mode::none));
  }
}

TEST_CASE("what could not be synced is not believed: the device may have lost what memory still shows") {
  two_repos world;
  machine here(world.hub);
  here.config.fsync = fsync_mode::batch;
  const auto weights = world.first.files().at("model.safetensors");
  {
    const test::nth_failure failing(
        here.config.cache_dir,
        [&](const seen_call& call) {
          return call.kind == disk_call::sync && call.path.find(weights.etag()) != std::string::npos;
        },
        1, {EIO, false}, false);
    const auto failed = here.failure("acme/first");
    REQUIRE(failed);
    CHECK(failed->reason() == hubcache::errc::disk_failed);
    CHECK(failed->context().file == "model.safetensors");
  }
  CHECK(test::leftovers(here.home.path()) == std::vector<std::string>());
  world.hub.log().clear();
  CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
  CHECK(world.hub.log().content_bytes_sent() >= weights.content.size());
}
