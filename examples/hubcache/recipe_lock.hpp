#pragma once
/// @file
/// `hubcache recipe lock`: writes down what the files of a recipe are now.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_recipe_lock(CLI::App& group, invocation& chosen);

}  // namespace command
