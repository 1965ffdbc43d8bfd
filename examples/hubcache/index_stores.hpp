#pragma once
/// @file
/// `hubcache index stores`: where content is looked for.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_index_stores(CLI::App& group, invocation& chosen);

}  // namespace command
