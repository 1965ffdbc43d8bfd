#include <hubcache/index/index_ref.hpp>
#include <hubcache/index/memory_index.hpp>

#include <doctest/doctest.h>

#include "index/records.hpp"

namespace {

/// Offers nothing beyond the contract; remembers what was asked.
struct index_archetype {
  std::vector<hubcache::place> find(const hubcache::digest&) const { return {test::record_number(1).where}; }
  int insert(std::span<const hubcache::index_record> records) { return static_cast<int>(records.size()); }
  void forget(const hubcache::digest&, const std::string& path) { forgotten = path; }
  void each(auto visit) const { visit(test::record_number(2)); }
  unsigned size() const { return 42; }

  std::string forgotten;
};

}  // namespace

TEST_CASE("index_ref passes every call to the index it refers to") {
  index_archetype index;
  hubcache::index_ref erased(index);
  CHECK(erased.find(test::digest_number(1)).front() == test::record_number(1).where);
  const std::vector batch{test::record_number(1), test::record_number(2)};
  CHECK(erased.insert(batch) == 2);
  erased.forget(test::digest_number(1), "/gone");
  CHECK(index.forgotten == "/gone");
  hubcache::index_record seen;
  erased.each([&seen](const hubcache::index_record& record) {
    seen = record;
    return true;
  });
  CHECK(seen == test::record_number(2));
  CHECK(erased.size() == 42);
}

TEST_CASE("copies of an index_ref refer to the same index") {
  hubcache::memory_index index;
  hubcache::index_ref one(index);
  auto other = one;
  const auto record = test::record_number(1);
  one.insert(std::span(&record, 1));
  CHECK(other.find(record.name).size() == 1);
}
