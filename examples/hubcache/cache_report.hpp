#pragma once
/// @file
/// `hubcache cache report`: writes a page that shows what fills the cache.

#include <CLI/CLI.hpp>

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_report(CLI::App& group, invocation& chosen);

}  // namespace command
