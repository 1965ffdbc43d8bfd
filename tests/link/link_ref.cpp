#include <hubcache/link/copy.hpp>
#include <hubcache/link/link_ref.hpp>

#include <doctest/doctest.h>

#include <conformance/link_strategy.hpp>

TEST_CASE("A reference to a strategy keeps the contract of link_strategy") {
  const hubcache::copy model;
  const hubcache::link_ref ref = model;
  CHECK(test::check_link_strategy(ref, hubcache::link_kind::copy));
}

TEST_CASE("Copies of a reference use the same strategy") {
  struct counting {
    int& calls;
    hubcache::link_report link(const hubcache::opened_file&, const hubcache::link_target&,
                               hubcache::link_kinds, std::error_code& ec) const {
      ++calls;
      ec.clear();
      return hubcache::link_report(hubcache::link_kind::copy);
    }
  };
  int calls = 0;
  const counting model{calls};
  const hubcache::link_ref ref = model;
  const auto copied = ref;
  std::error_code ec;
  CHECK(copied.link({}, {}, hubcache::link_kind::copy, ec).used == hubcache::link_kind::copy);
  CHECK(calls == 1);
}
