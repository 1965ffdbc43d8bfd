#include <hubcache/link/any_link_strategy.hpp>
#include <hubcache/link/first_of.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>
#include <utility>

TEST_CASE("any_link_strategy keeps the contract of link_strategy") {
  CHECK(test::check_link_strategy(hubcache::any_link_strategy(hubcache::copy()), hubcache::link_kind::copy));
}

TEST_CASE("any_link_strategy owns a ladder, which does not move, and links by it after it has moved itself") {
  hubcache::any_link_strategy first(std::in_place_type<hubcache::default_link>);
  const auto moved = std::move(first);
  CHECK(test::check_link_strategy(moved, hubcache::auto_link_kinds));
}
