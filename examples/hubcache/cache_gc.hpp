#pragma once
/// @file
/// `hubcache cache gc`: removes what was not used for longest, until the cache is small enough.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_gc(CLI::App& group, invocation& chosen);

}  // namespace command
