// Files and folders that somebody else changes at the worst moment.
#include <hubcache/index/mapped_index.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <index/index_folder.hpp>

#include "disk_faults/disk_calls.hpp"
#include "disk_faults/scene.hpp"

using hubcache::link_kind;
using hubcache::snapshot_options;
using test::disk_call;
using test::machine;
using test::seen_call;
using test::two_repos;
namespace fs = std::filesystem;

namespace {

/// Something that happens once, right before the nth call of `kind` on a path that holds `part`.
class happening {
 public:
  happening(const std::string& below, disk_call kind, std::string part, std::size_t n,
            std::function<void()> what)
      : n_(n),
        watch_(below, [this, kind, part = std::move(part), what = std::move(what)](const seen_call& call) {
          if (call.kind == kind && call.path.find(part) != std::string::npos && ++seen_ == n_) what();
          return test::call_fate();
        }) {}
  [[nodiscard]] bool met() const { return seen_ >= n_; }

 private:
  std::size_t n_;
  std::size_t seen_ = 0;
  test::disk_watch watch_;
};

/// The weights that both repos have, cached with the first, unhashed, and then changed while the second is linked.
struct link_source {
  explicit link_source(two_repos& w) : world(w), here(w.hub) {
    here.snapshot("acme/first");
    fs::remove_all(here.config.state_dir);  // nobody vouches for it: it is hashed, then copied
    fs::permissions(path, fs::perms(0644));
  }

  void check(disk_call during, std::size_t n, const std::function<void()>& change) {
    snapshot_options options;
    options.links = link_kind::copy;
    {
      const happening once(here.home.path(), during, etag, n, change);
      CHECK(test::holds(here.snapshot("acme/second", options), world.second.files()));
      CHECK(once.met());
    }
    CHECK(test::leftovers(here.home.path()) == std::vector<std::string>());
  }

  two_repos& world;
  machine here;
  const std::string etag = world.first.files().at("model.safetensors").etag();
  const std::string path = here.blob(hubcache::repo("acme/first"), etag);
};

}  // namespace

TEST_CASE("a link source that is truncated while it is hashed or copied is fetched instead") {
  two_repos world;
  for (const auto during : {disk_call::read, disk_call::copy}) {
    link_source source(world);
    source.check(during, 1, [&] { fs::resize_file(source.path, 1000); });
  }
}

TEST_CASE("a link source that is written to while it is hashed or copied is fetched instead") {
  two_repos world;
  for (const auto during : {disk_call::read, disk_call::copy}) {
    link_source source(world);
    source.check(during, 1, [&] { std::fstream(source.path, std::ios::in | std::ios::out) << "edited"; });
  }
}

TEST_CASE("a link source that is replaced or removed while it is copied still gives its bytes") {
  two_repos world;
  for (const bool replaced : {false, true}) {
    link_source source(world);
    source.check(disk_call::copy, 1, [&] {
      fs::remove(source.path);
      if (replaced) std::ofstream(source.path) << "other";
    });
  }
}

TEST_CASE(
    "a partial that is shortened or removed before it gets its name is no blob, and the next run fetches "
    "it") {
  two_repos world;
  const auto etag = world.first.files().at("model.safetensors").etag();
  const auto expect_failure = [&](disk_call before, const std::function<void(const fs::path&)>& change) {
    machine here(world.hub);
    here.config.fsync = hubcache::fsync_mode::batch;
    const auto partial = here.blob(hubcache::repo("acme/first"), etag) + ".68756263.incomplete";
    {
      const happening once(here.home.path(), before, etag, 1, [&] { change(partial); });
      const auto failed = here.failure("acme/first");
      CHECK(once.met());
      REQUIRE(failed);
      CHECK(failed->context().file == "model.safetensors");
    }
    CHECK(test::wrong_blobs(here.config.cache_dir) == std::vector<std::string>());
    CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
  };
  expect_failure(disk_call::set_mode, [](const fs::path& partial) { fs::resize_file(partial, 5); });
  expect_failure(disk_call::rename, [](const fs::path& partial) { fs::remove(partial); });
}

TEST_CASE("the cache folder is removed before any call of a run: it ends, and the next run starts anew") {
  two_repos world;
  for (const auto kind : {disk_call::open, disk_call::write, disk_call::rename, disk_call::symlink}) {
    for (std::size_t n = 1;; n = test::next_to_fail(n)) {
      CAPTURE(n);
      machine here(world.hub);
      bool met = false;
      {
        const happening once(here.config.cache_dir, kind, "", n,
                             [&] { fs::remove_all(here.config.cache_dir); });
        const auto failed = here.failure("acme/first");
        if (failed) CHECK(test::is_clear(*failed));
        met = once.met();
      }
      if (!met) break;
      CHECK(test::wrong_blobs(here.config.cache_dir) == std::vector<std::string>());
      CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
    }
  }
}

TEST_CASE("the state folder is removed before any call of a run: the run completes") {
  two_repos world;
  for (std::size_t n = 1;; n = test::next_to_fail(n)) {
    CAPTURE(n);
    machine here(world.hub);
    here.snapshot("acme/first");
    const happening once(here.config.state_dir, disk_call::open, "", n,
                         [&] { fs::remove_all(here.config.state_dir); });
    CHECK(test::holds(here.snapshot("acme/second"), world.second.files()));
    if (!once.met()) break;
  }
}

TEST_CASE("an index whose files are shortened while they are open gives misses, and is written anew") {
  for (const auto* ending : {".table", ".log"}) {
    const test::filled_folder folder(2000);
    CHECK(test::succeeded(test::in_child([&] {
      hubcache::mapped_index index(folder.path().string());
      if (test::found(index, 2000) != 2000) ::_exit(1);
      fs::resize_file(test::path_of(folder.path(), ending), 0);
      if (test::found(index, 2000) > 0) ::_exit(2);
      index.insert(test::records(0, 100));
      if (test::found(index, 100) < 0) ::_exit(3);
    })));
    hubcache::mapped_index index(folder.path().string());
    index.insert(test::records(0, 2000));
    CHECK(test::found(index, 2000) == 2000);
  }
}

TEST_CASE("an index whose disk fails gives misses") {
  const test::filled_folder folder(20);
  const hubcache::mapped_index index(folder.path().string());
  CHECK(test::found(index, 20) == 20);
  const test::nth_failure failing(
      folder.path().string(), [](const seen_call& call) { return call.kind == disk_call::read; }, 1,
      {EIO, false}, true);
  CHECK(test::found(index, 20) == 0);
  CHECK(failing.met());
}
