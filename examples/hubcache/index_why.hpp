#pragma once
/// @file
/// `hubcache index why`: where some content lies, and who uses it.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_index_why(CLI::App& group, invocation& chosen);

}  // namespace command
