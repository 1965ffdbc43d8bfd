#pragma once
/// @file
/// What the head of an answer tells about the bytes that were asked for (RFC 9110 sections 14 and 15.3.7). Pure.

#include <hubcache/http_message.hpp>
#include <hubcache/store/byte_ranges.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Reads "bytes FIRST-LAST/TOTAL"; none unless all three are numbers and FIRST <= LAST < TOTAL.
struct content_range {
  std::uint64_t first = 0;  ///< Offset of the first byte.
  std::uint64_t last = 0;   ///< Offset of the last byte.
  std::uint64_t total = 0;  ///< Size of the whole content.
};
/// Reads the value of a Content-Range field. O(1).
[[nodiscard]] HUBCACHE_DECL std::optional<content_range> parse_content_range(std::string_view text) noexcept;

/// What the head of an answer told.
enum class range_answer : unsigned char {
  none_yet,
  accepted,
  range_ignored,  ///< 200 to a Range request.
  refused,        ///< The range or the size contradict the listing, or the bytes are coded.
};

/// Judges the head of a successful answer to a request for `asked` of a content of `size` bytes.
/// @param problem set if it is refused
[[nodiscard]] HUBCACHE_DECL range_answer judge_answer(const response_head& head, byte_range asked,
                                                      std::uint64_t size, std::string& problem);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/content_range.ipp>
#endif
