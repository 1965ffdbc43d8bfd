#pragma once
/// @file
/// What the command tells its caller by number.

#include <hubcache/error.hpp>

#include <string_view>

namespace command {

enum class exit_code : int {
  ok = 0,
  other = 1,
  usage = 2,
  network = 3,
  access = 4,
  not_found = 5,
  integrity = 6,
  disk = 7,
  not_cached = 8,
  refused = 9,
  disallowed = 10,
  interrupted = 130,
};

[[nodiscard]] exit_code exit_code_of(hubcache::errc reason) noexcept;

/// The codes as a paragraph of --help.
inline constexpr std::string_view exit_code_help =
    "Exit codes:\n"
    "  0 done                          6 content did not match its hash, or a lock file\n"
    "  1 another failure               7 disk full, or a disk error\n"
    "  2 wrong usage                   8 not in the cache, and offline\n"
    "  3 network or server             9 refused by a rule of safety\n"
    "  4 no access (token, gated)     10 not allowed by --require-... or HUBCACHE_REQUIRE\n"
    "  5 no such repo, revision      130 interrupted\n"
    "    or file\n";

}  // namespace command
