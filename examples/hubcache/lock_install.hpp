#pragma once
/// @file
/// `hubcache lock install`: downloads exactly what a lock file names.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_lock_install(CLI::App& group, invocation& chosen);

}  // namespace command
