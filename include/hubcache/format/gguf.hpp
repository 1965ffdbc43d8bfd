#pragma once
/// @file
/// The header of a GGUF file, versions 2 and 3, little-endian
/// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).

#include <hubcache/digest.hpp>
#include <hubcache/format/weights.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace hubcache::inline v0_1 {

/// The longest header that is read. Those of today's models, with their vocabularies, are below 32 MiB.
inline constexpr std::uint64_t max_gguf_header = std::uint64_t{256} << 20U;

/// The types of metadata, by their numbers in the file.
enum class gguf_type : std::uint32_t {
  uint8 = 0,
  int8 = 1,
  uint16 = 2,
  int16 = 3,
  uint32 = 4,
  int32 = 5,
  float32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  uint64 = 10,
  int64 = 11,
  float64 = 12,
};

/// An array of metadata. Vocabularies have some 100 000 elements: they are checked, not copied.
struct gguf_array {
  gguf_type element = gguf_type::uint8;  ///< Type of its elements.
  std::uint64_t count = 0;   ///< Of its elements.
  std::uint64_t offset = 0;  ///< Of the first element in the file.
  std::uint64_t size = 0;    ///< Of all elements, in bytes.

  friend bool operator==(const gguf_array&, const gguf_array&) = default;
};

/// A value of metadata; numbers are as wide as they come.
using gguf_value = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, gguf_array>;

/// What the header of a GGUF file says.
struct gguf_header {
  gguf_header() = default;

  std::uint32_t version = 0;  ///< Of the format: 2 or 3.
  std::vector<std::pair<std::string, gguf_value>>
      metadata;                      ///< In the order of the file. Keys are not empty.
  std::vector<tensor_info> tensors;  ///< In the order of their bytes.
  std::uint64_t alignment = 32;      ///< Of each tensor; a power of two.
  std::uint64_t data_offset = 0;     ///< Where the tensors begin.

  /// The value of `key`, nullptr if there is none. O(keys).
  [[nodiscard]] HUBCACHE_DECL const gguf_value* find(std::string_view key) const noexcept;

  friend bool operator==(const gguf_header&, const gguf_header&) = default;
};
static_assert(!std::is_aggregate_v<gguf_header>);

/// Reads the header of a file of `file_size` bytes from its first bytes. Refused are other versions and
/// big-endian files, keys and names that come twice, types that ggml does not know, arrays nested deeper than 4,
/// and tensors that are not aligned, overlap, or lie outside the file. Names of tensors may be longer than the 64
/// bytes of the specification: stable-diffusion.cpp writes and reads such. Memory is O(first_bytes).
/// O(n log n) in the header.
[[nodiscard]] HUBCACHE_DECL header_reading<gguf_header> read_gguf(byte_view first_bytes,
                                                                  std::uint64_t file_size);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/gguf.ipp>
#endif
