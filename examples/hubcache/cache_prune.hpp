#pragma once
/// @file
/// `hubcache cache prune`: removes detached revisions, and what downloads left over.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_prune(CLI::App& group, invocation& chosen);

}  // namespace command
