#pragma once
/// @file
/// What the headers of weight files tell, whichever their format. The readers beside this file are pure and safe
/// with any bytes. They read the first bytes of a file, as many as there are: who fetches a header by ranges asks
/// again with more until it is complete.

#include <hubcache/config.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One tensor of a weight file.
struct tensor_info {
  tensor_info() = default;

  std::string name;                  ///< As the file has it: not for a terminal, not for a path.
  std::string type;                  ///< Of its elements, as the format spells it: "BF16", "Q4_K", ...
  std::vector<std::uint64_t> shape;  ///< In the order of the format; empty for a single number.
  std::uint64_t offset = 0;          ///< Of its first byte in the file.
  std::uint64_t size = 0;            ///< In bytes; 0 if a dimension is.

  friend bool operator==(const tensor_info&, const tensor_info&) = default;
};
static_assert(!std::is_aggregate_v<tensor_info>);

/// How many numbers they hold together. @pre a reader returned them: their shapes do not overflow.
[[nodiscard]] HUBCACHE_DECL std::uint64_t parameter_count(std::span<const tensor_info> tensors) noexcept;

/// What came of reading a header from the first bytes of a file.
template <class Header>
struct header_reading {
  header_reading() = default;

  std::optional<Header> header;  ///< If it is complete, and nothing is wrong with it.
  /// Else at least so many of the file's first bytes are needed, more than there were; 0 if no more would help.
  /// To ask for twice as many keeps the sum of all attempts linear.
  std::uint64_t needed = 0;
  std::string problem;  ///< Else what is wrong, for a message: "the header says ...".
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/weights.ipp>
#endif
