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
                           .with_local_dir("out");
  CHECK(options.revision == "v1");
  CHECK(options.allow->front() == "*.json");
  CHECK(options.ignore.front() == "*.bin");
  CHECK(options.files.front() == "a");
  CHECK(options.local_dir == "out");
}
