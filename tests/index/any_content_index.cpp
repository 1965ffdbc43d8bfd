#include <hubcache/index/any_content_index.hpp>
#include <hubcache/index/memory_index.hpp>

#include <doctest/doctest.h>

#include <conformance/content_index.hpp>
#include <utility>

using hubcache::any_content_index;

namespace {

/// Tells whether it lives.
class watched_index : public hubcache::memory_index {
 public:
  explicit watched_index(bool& alive) : alive_(alive) { alive_ = true; }
  ~watched_index() { alive_ = false; }

 private:
  bool& alive_;
};

}  // namespace

TEST_CASE("any_content_index keeps the contract of content_index") {
  test::index_conformance([] { return any_content_index(std::in_place_type<hubcache::memory_index>); });
}

TEST_CASE("any_content_index takes over a model that moves") {
  hubcache::memory_index index;
  any_content_index owned{hubcache::index_ref(index)};
  CHECK(test::insert_one(owned, test::record_number(1)));
  CHECK(index.size() == 1);
}

TEST_CASE("any_content_index destroys its index when another takes its place") {
  bool alive = false;
  any_content_index index(std::in_place_type<watched_index>, alive);
  CHECK(test::insert_one(index, test::record_number(1)));
  CHECK(alive);
  index = any_content_index(std::in_place_type<hubcache::memory_index>);
  CHECK_FALSE(alive);
  CHECK(index.size() == 0);
}
