#pragma once
/// @file
/// `hubcache pipeline`: whole diffusers pipelines, from wherever their components live.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `app`.
void declare_pipeline(CLI::App& app, invocation& chosen);

}  // namespace command
