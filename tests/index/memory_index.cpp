#include <hubcache/index/memory_index.hpp>

#include <doctest/doctest.h>

#include "conformance/content_index.hpp"

TEST_CASE("memory_index keeps the contract of content_index") {
  test::index_conformance([] { return hubcache::memory_index(); });
}
