#pragma once
/// @file
/// The header of a safetensors file (https://github.com/huggingface/safetensors, "Format"): a u64 N, N bytes of
/// JSON, then the bytes of the tensors without a gap.

#include <hubcache/digest.hpp>
#include <hubcache/format/weights.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// The longest JSON that the format's own library reads.
inline constexpr std::uint64_t max_safetensors_json = 100'000'000;

/// What the header of a safetensors file says.
struct safetensors_header {
  safetensors_header() = default;

  std::vector<tensor_info> tensors;                           ///< In the order of their bytes.
  std::vector<std::pair<std::string, std::string>> metadata;  ///< "__metadata__", in the order of the file.
  std::uint64_t data_offset = 0;                              ///< Where the tensors begin: 8 + N.

  friend bool operator==(const safetensors_header&, const safetensors_header&) = default;
};
static_assert(!std::is_aggregate_v<safetensors_header>);

/// Reads the header of a file of `file_size` bytes from its first bytes, as strictly as the format's own library:
/// the tensors must cover all bytes behind the header, each just as many as its shape and type take. A name, key
/// or member that comes twice is refused, which JSON alone does not. Takes about ten times the header in memory.
/// O(n log n) in the header.
[[nodiscard]] HUBCACHE_DECL header_reading<safetensors_header> read_safetensors(byte_view first_bytes,
                                                                                std::uint64_t file_size);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/safetensors.ipp>
#endif
