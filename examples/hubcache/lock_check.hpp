#pragma once
/// @file
/// `hubcache lock check`: compares the cache with a lock file.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_lock_check(CLI::App& group, invocation& chosen);

}  // namespace command
