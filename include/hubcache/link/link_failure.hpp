#pragma once
/// @file
/// What an error of a link attempt means for the next attempt.

#include <hubcache/config.hpp>

#include <cstdint>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Why a link was not made, by what may help.
enum class link_failure : std::uint8_t {
  capability,  ///< This kind does not work between these two devices. Another kind may.
  this_file,  ///< It did not work for this file (too many links, foreign owner, alignment). Another kind may.
  space,   ///< No space or quota: clones need some for metadata. A hard link may still work, a copy will not.
  stale,   ///< The source is not the file it was, or a folder is gone. Look the content up again.
  exists,  ///< The wanted name is taken, by another process perhaps. Look at what is there.
  hard,    ///< The file system fails or forbids. No kind will work.
};

/// File systems differ in the code they report for one situation, so whole classes are told apart, never
/// codes; an unknown code is `this_file`. Codes of hubcache's own category count by what they are equivalent
/// to.
[[nodiscard]] HUBCACHE_DECL link_failure classify(const std::error_code& ec) noexcept;

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_failure.ipp>
#endif
