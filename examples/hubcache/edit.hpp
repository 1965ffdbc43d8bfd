#pragma once
/// @file
/// `hubcache edit`: makes a file of a view its user's own.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `app`.
void declare_edit(CLI::App& app, invocation& chosen);

}  // namespace command
