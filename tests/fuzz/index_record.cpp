// A record of the index's log from arbitrary bytes: as they are, and under a checksum that is right for them.

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/record_log.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace {

constexpr hubcache::record_position here{0x0123'4567'89AB'CDEF, 4096};

void require(bool holds) {
  if (!holds) std::abort();
}

/// What is decoded can be written again, and means the same.
void check(hubcache::byte_view bytes) {
  const auto decoded = hubcache::decode_record(bytes, here);
  if (!decoded) return;
  require(decoded->previous < here.offset && decoded->length <= bytes.size());
  require(hubcache::is_recordable_path(decoded->record.where.path));
  std::array<std::byte, hubcache::max_record_size> again{};
  require(hubcache::encode_record(again, decoded->record, decoded->previous, here, decoded->kind) ==
          decoded->length);
  require(hubcache::decode_record(again, here) == decoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check(bytes);

  std::array<std::byte, hubcache::max_record_size> sealed{};
  std::copy_n(bytes.begin(), std::min(size, sealed.size()), sealed.begin());
  const std::size_t length = hubcache::record_length(sealed);
  if (length == 0) return 0;
  const auto checksum = hubcache::xxh3(hubcache::byte_view(sealed).first(length).subspan(8),
                                       here.log ^ here.offset ^ (std::uint64_t{length} << 40U));
  std::memcpy(sealed.data(), &checksum, sizeof checksum);
  check(sealed);
  return 0;
}
