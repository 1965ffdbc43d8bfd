#include <hubcache/store/partial_journal.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using hubcache::as_byte_view;
using hubcache::byte_ranges;
using hubcache::read_partial_journal;
using hubcache::write_partial_journal;

namespace {

byte_ranges three() {
  byte_ranges set;
  set.add({0, 10});
  set.add({20, 30});
  set.add({90, 100});
  return set;
}

}  // namespace

TEST_CASE("A journal is read as it was written, also with zeros behind it") {
  auto text = write_partial_journal(three(), 100);
  for (int k = 0; k < 2; ++k) {
    const auto got = read_partial_journal(as_byte_view(text), 100);
    REQUIRE(got);
    CHECK(got->all() == three().all());
    text.resize(hubcache::partial_journal_size);
  }
}

TEST_CASE("A journal with any byte changed or missing, or of another size, is none") {
  const auto text = write_partial_journal(three(), 100);
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto other = text;
    other[at] = static_cast<char>(other[at] ^ 1);
    CHECK_FALSE(read_partial_journal(as_byte_view(other), 100));
    CHECK_FALSE(read_partial_journal(as_byte_view(text.substr(0, at)), 100));
  }
  CHECK_FALSE(read_partial_journal(as_byte_view(text), 101));
}

TEST_CASE("A journal that is sound but tells of bytes behind the end is none") {
  byte_ranges set;
  set.add({0, 101});
  CHECK_FALSE(read_partial_journal(as_byte_view(write_partial_journal(set, 100)), 100));
}

TEST_CASE("Of very many ranges the first are told, and they fit") {
  byte_ranges set;
  for (std::uint64_t k = 0; k < 1000; ++k) set.add({10 * k, 10 * k + 5});
  const auto text = write_partial_journal(set, 10'000);
  CHECK(text.size() <= hubcache::partial_journal_size);
  const auto got = read_partial_journal(as_byte_view(text), 10'000);
  REQUIRE(got);
  CHECK(got->all().size() >= 100);
  CHECK(std::equal(got->all().begin(), got->all().end(), set.all().begin()));
}

TEST_CASE("A journal begins at a page behind the content") {
  CHECK(hubcache::partial_journal_offset(1) == 4096);
  CHECK(hubcache::partial_journal_offset(4096) == 4096);
  CHECK(hubcache::partial_journal_offset(4097) == 8192);
}
