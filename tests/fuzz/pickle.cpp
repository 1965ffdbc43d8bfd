#include <hubcache/select/pickle.hpp>

#include <algorithm>
#include <cstring>

#include "require.hpp"

// A content of these bytes: the search for pickles ends, asks for bytes of the content alone, and for no more than a
// directory of it may take.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t taken = 0;
  const auto read = [&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
    fuzz::require(offset <= size);
    const auto count = std::min<std::size_t>(into.size(), size - static_cast<std::size_t>(offset));
    if (count > 0) std::memcpy(into.data(), data + offset, count);
    taken += count;
    return count;
  };
  const auto found = hubcache::find_pickle(size, read);
  fuzz::require(hubcache::find_pickle(size, read) == found);
  fuzz::require(taken <= 2 * (4 * std::uint64_t{size} + 4096));
  return 0;
}
