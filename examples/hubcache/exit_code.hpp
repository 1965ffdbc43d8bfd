#pragma once
/// @file
/// What the command tells its caller by number.

#include <hubcache/error.hpp>

#include <array>
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

struct exit_meaning {
  exit_code code;
  std::string_view text;
};

/// What each code means, as the help and the manual tell it.
inline constexpr auto exit_meanings = std::to_array<exit_meaning>({
    {exit_code::ok, "done"},
    {exit_code::other, "another failure"},
    {exit_code::usage,
     "wrong usage: an option, an argument, a variable or a file that was given makes no sense"},
    {exit_code::network, "the network, a proxy or the server failed"},
    {exit_code::access, "no access: the repo is private or gated, or the token is not valid"},
    {exit_code::not_found, "no such repo, revision or file"},
    {exit_code::integrity, "content does not match its hash, its size or a lock file"},
    {exit_code::disk, "the disk is full or failed, or a file may not be read or written"},
    {exit_code::not_cached, "not in the cache, and offline"},
    {exit_code::refused, "refused by a rule of safety, or for want of a confirmation"},
    {exit_code::disallowed, "not allowed by --require-... or HUBCACHE_REQUIRE"},
    {exit_code::interrupted, "interrupted by SIGINT or SIGTERM"},
});

}  // namespace command
