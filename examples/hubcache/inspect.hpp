#pragma once
/// @file
/// `hubcache inspect` and `hubcache compare`: what repos hold, by the headers of their weights.

#include <CLI/CLI.hpp>

#include "subcommand.hpp"

namespace command {

/// Add the subcommands to `app`.
void declare_inspect(CLI::App& app, invocation& chosen);
void declare_compare(CLI::App& app, invocation& chosen);

}  // namespace command
