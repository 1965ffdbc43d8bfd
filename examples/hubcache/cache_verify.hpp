#pragma once
/// @file
/// `hubcache cache verify`: hashes what the cache holds, and mends what it may.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_verify(CLI::App& group, invocation& chosen);

}  // namespace command
