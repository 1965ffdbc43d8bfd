#pragma once
/// @file
/// A link strategy that makes reflinks and nothing else, as an example of one's own: for machines where a file of the
/// cache must neither share an inode with another nor take its space twice.
///
///   using cache = hubcache::basic_cache<hubcache::https_transport, hubcache::default_hashes, plugins::reflink_only,
///                                       hubcache::mapped_index>;
///
/// To take it over: copy the two files.

#include <hubcache/link/first_of.hpp>
#include <hubcache/link/link_failure.hpp>

#include <string>
#include <system_error>

namespace plugins {

/// Why `reflink_only` made no link. Equivalent to std::errc::operation_not_supported, so that hubcache takes it for
/// what it is: a kind of link that does not work between two devices.
enum class reflink_refusal {
  impossible_here = 1,  ///< The file system, or the two of them, share no blocks.
  not_wanted,           ///< The caller allows only other kinds.
};
[[nodiscard]] std::error_code make_error_code(reflink_refusal why) noexcept;

/// Models hubcache::link_strategy. What cannot be reflinked is not linked: hubcache then fetches it, and its warning
/// has the text of `reflink_refusal`. In a local folder a content that gets two names at once cannot be fetched twice:
/// there the download fails with that text. Errors of single files stay as they are. Neither copyable nor movable.
class reflink_only {
 public:
  hubcache::link_report link(const hubcache::opened_file& have, const hubcache::link_target& want,
                             hubcache::link_kinds kinds, std::error_code& ec) const;

 private:
  hubcache::first_of<hubcache::reflink> ladder_;  // one rung; remembers which devices cannot
};
static_assert(hubcache::link_strategy<reflink_only>);

}  // namespace plugins

template <>
struct std::is_error_code_enum<plugins::reflink_refusal> : std::true_type {};
