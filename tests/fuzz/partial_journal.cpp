#include <hubcache/hash/xxh3.hpp>
#include <hubcache/store/partial_journal.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "require.hpp"

namespace {

/// What is read lies within the file, in order, and reads the same after it was written.
void check(hubcache::byte_view text, std::uint64_t size) {
  const auto there = hubcache::read_partial_journal(text, size);
  if (!there) return;
  std::uint64_t end = 0;
  for (const auto& one : there->all()) {
    fuzz::require(one.begin < one.end && one.end <= size && (end == 0 || one.begin > end));
    end = one.end;
  }
  fuzz::require(there->missing(size).total() == size - there->total());
  const auto again = hubcache::write_partial_journal(*there, size);
  fuzz::require(again.size() <= hubcache::partial_journal_size);
  const auto read = hubcache::read_partial_journal(hubcache::as_byte_view(again), size);
  fuzz::require(read && read->all() == there->all());
}

}  // namespace

// A journal from arbitrary bytes: as they are, and with the size and the checksum that are right for them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t count_at = 16;
  constexpr std::size_t ranges_at = 24;
  check(std::as_bytes(std::span(data, size)), 1000);

  std::array<std::byte, hubcache::partial_journal_size> sealed{};
  std::copy_n(std::as_bytes(std::span(data, size)).begin(), std::min(size, sealed.size()), sealed.begin());
  std::memcpy(sealed.data(), "HCPART1\n", 8);
  std::uint64_t of_size = 0;
  std::memcpy(&of_size, sealed.data() + 8, sizeof of_size);
  const auto count = std::to_integer<std::size_t>(sealed[count_at]) % 130;
  std::memset(sealed.data() + count_at, 0, 8);
  sealed[count_at] = static_cast<std::byte>(count);
  const auto end = ranges_at + count * 16;
  const auto checksum = hubcache::xxh3(hubcache::byte_view(sealed).first(end));
  std::memcpy(sealed.data() + end, &checksum, sizeof checksum);
  check(sealed, of_size);
  return 0;
}
