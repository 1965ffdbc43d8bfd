#pragma once
/// @file
/// `hubcache index check` and `hubcache index stats`: whether the index is sound, and what it holds.

#include "subcommand.hpp"

namespace command {

/// Adds both subcommands to `group`.
void declare_index_check(CLI::App& group, invocation& chosen);

}  // namespace command
