#include <hubcache/plan/options.hpp>

#include <doctest/doctest.h>

using hubcache::snapshot_options;

TEST_CASE("Options are what most callers want: all files of main, by every safe means") {
  const snapshot_options options;
  CHECK(options.revision == "main");
  CHECK_FALSE(options.allow);
  CHECK(options.files.empty());
  CHECK(options.local_dir.empty());
  CHECK(options.smart_cache);
  CHECK_FALSE(options.force_download);
  CHECK(options.links == hubcache::auto_link_kinds);
  CHECK_FALSE(options.mapping);
}

TEST_CASE("Options chain in one expression") {
  const auto options = snapshot_options()
                           .with_revision("v1")
                           .with_allow({"*.json"})
                           .with_ignore({"*.bin"})
                           .with_files({"a"})
                           .with_local_dir("out")
                           .with_force_download(true)
                           .with_verify(true)
                           .with_smart_cache(false)
                           .with_links(hubcache::link_kind::copy)
                           .with_link_rules({hubcache::link_rule("*", hubcache::link_kind::reflink)})
                           .with_mapping({})
                           .with_require(hubcache::requirement::sha256)
                           .with_lock(hubcache::locked_repo())
                           .with_max_transfers(1);
  CHECK(options.revision == "v1");
  CHECK(options.allow->front() == "*.json");
  CHECK(options.ignore.front() == "*.bin");
  CHECK(options.files.front() == "a");
  CHECK(options.local_dir == "out");
  CHECK(options.force_download);
  CHECK(options.verify);
  CHECK_FALSE(options.smart_cache);
  CHECK(options.links == hubcache::link_kind::copy);
  CHECK(options.link_rules.size() == 1);
  CHECK(options.mapping);
  CHECK(options.require == hubcache::requirement::sha256);
  CHECK(options.lock);
  CHECK(options.max_transfers == 1);
}
