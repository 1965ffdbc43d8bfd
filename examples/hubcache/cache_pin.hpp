#pragma once
/// @file
/// `hubcache cache pin`: and `unpin`: what must not be removed.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommands to `group`.
void declare_cache_pin(CLI::App& group, invocation& chosen);

}  // namespace command
