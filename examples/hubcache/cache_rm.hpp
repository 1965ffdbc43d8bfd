#pragma once
/// @file
/// `hubcache cache rm`: removes repos and revisions that the user names.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_rm(CLI::App& group, invocation& chosen);

}  // namespace command
