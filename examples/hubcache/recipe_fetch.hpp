#pragma once
/// @file
/// `hubcache recipe fetch`: the files of a recipe, and where they are.

#include <hubcache/format/recipe.hpp>
#include <hubcache/plan/bundle.hpp>

#include <string>

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_recipe_fetch(CLI::App& group, invocation& chosen);

/// One object on one line: that of the bundle, whose `path` is the first role's, and `roles`, by name.
[[nodiscard]] std::string json_of(const hubcache::recipe& what, const hubcache::bundle& got);

}  // namespace command
