#include <hubcache/link/reflink.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>

TEST_CASE("A reflink keeps the contract of link_strategy") {
  if (!test::check_link_strategy(hubcache::reflink{}, hubcache::link_kind::reflink)) {
    MESSAGE("the folder for temporary files cannot reflink; real_filesystems.cpp has some that can");
  }
}
