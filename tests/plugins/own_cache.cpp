// A cache of three policies of one's own, end to end.
#include <doctest/doctest.h>

#include <lmdb_index.hpp>
#include <nettle_hash.hpp>
#include <reflink_only.hpp>

#include "support/machine.hpp"
#include "support/mounted.hpp"

using hubcache::file_action;
using hubcache::link_kind;
using test::machine;

namespace {

using own_cache = hubcache::basic_cache<hubcache::https_transport, plugins::nettle_hashes,
                                        plugins::reflink_only, plugins::lmdb_index>;

/// Two repos of the same content, and a machine whose home lies in `folder`.
struct scene {
  explicit scene(const std::string& folder) {
    hub.put(embedded::tiny());
    hub.put(embedded::twin_of(embedded::tiny()));
    here.config.cache_dir = folder + "/hub";
    here.config.state_dir = folder + "/hubcache";
  }
  /// A run of a program of its own.
  hubcache::snapshot snapshot(const hubcache::repo& which) {
    own_cache cache(here.config);
    here.news = {};
    auto got = cache.snapshot(which, hubcache::snapshot_options(), here.news);
    CHECK(test::holds(got, files));
    CHECK(cache.index().size() > 0);
    return got;
  }

  embedded::hub hub;
  machine here{hub};
  embedded::file_map files = embedded::tiny().files();
};

}  // namespace

TEST_CASE("where there are reflinks, a cache of own policies fetches one repo and reflinks the next") {
  for (const auto* mkfs : {"mkfs.btrfs -q", "mkfs.xfs -q -m reflink=1"}) {
    const auto disk = test::mounted::image(mkfs, "300M");
    if (!disk) continue;
    scene s(disk->path());
    const auto contents = test::count(s.snapshot("acme/tiny"), file_action::fetched);
    const auto linked = s.snapshot("other/twin");
    CHECK(test::count(linked, file_action::linked) == contents);
    for (const auto& file : linked.files) {
      if (file.action == file_action::linked) CHECK(file.link == link_kind::reflink);
    }
    CHECK(linked.totals.bytes_fetched == 0);
  }
}

TEST_CASE("where there are none, it fetches the next repo, too, and says why") {
  const auto disk = test::mounted::tmpfs("64M");
  if (!disk) return;
  scene s(disk->path());
  const auto contents = test::count(s.snapshot("acme/tiny"), file_action::fetched);
  const auto got = s.snapshot("other/twin");
  CHECK(test::count(got, file_action::fetched) == contents);
  const auto warnings = s.here.warnings();
  REQUIRE_FALSE(warnings.empty());
  CHECK(warnings.front().find("cannot be linked: only reflinks are made here") != std::string::npos);
  CHECK(s.snapshot("other/twin").totals.bytes_fetched == 0);
}

TEST_CASE("in a local folder, where two files of one content need a link, it fails and says why") {
  const auto disk = test::mounted::tmpfs("64M");
  if (!disk) return;
  scene s(disk->path());
  own_cache cache(s.here.config);
  std::string failure;
  try {
    cache.snapshot("acme/tiny", hubcache::snapshot_options().with_local_dir(*disk / "out"));
  } catch (const hubcache::error& e) {
    failure = e.detail();
  }
  CHECK(failure.find("only reflinks are made here") != std::string::npos);
}

TEST_CASE("an index in a folder of the user's choice is given to the cache's constructor") {
  const test::temp_folder folder;
  scene s(folder.path());
  const auto elsewhere = folder / "srv/index";
  own_cache cache(s.here.config, plugins::lmdb_index(elsewhere));
  CHECK(test::holds(cache.snapshot("acme/tiny"), s.files));
  CHECK(cache.index().size() > 0);
  CHECK(std::filesystem::exists(elsewhere + "/data.mdb"));
  CHECK_FALSE(std::filesystem::exists(s.here.config.state_dir + "/index"));
}
