#pragma once
/// @file
/// What the subcommands of `hubcache recipe` have in common: a recipe, and how its files are fetched.

#include <hubcache/format/recipe.hpp>
#include <hubcache/plan/bundle.hpp>
#include <hubcache/select/lock_file.hpp>

#include <optional>
#include <string>

#include "download_options.hpp"
#include "working_cache.hpp"

namespace command {

/// The command line as it was typed.
struct recipe_arguments : download_arguments {
  std::string file;
};

/// Declares FILE and the options of every command that downloads.
void declare_recipe(CLI::App& app, recipe_arguments& into);

struct recipe_request {
  hubcache::recipe what;
  hubcache::snapshot_options options;
  hubcache::settings config;
};

/// Reads the recipe. @throws hubcache::error errc::invalid_argument, or a disk error
[[nodiscard]] recipe_request request_of(const recipe_arguments& typed);

/// Plans on the calling thread. @throws hubcache::error
[[nodiscard]] hubcache::bundle_plan plan_of(const recipe_request& request,
                                            const std::optional<hubcache::lock_file>& lock,
                                            working_cache& with);

}  // namespace command
