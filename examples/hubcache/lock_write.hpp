#pragma once
/// @file
/// `hubcache lock write`: downloads repos and writes down what came.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_lock_write(CLI::App& group, invocation& chosen);

}  // namespace command
