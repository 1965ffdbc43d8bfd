#pragma once
/// @file
/// `hubcache cache ls`: the repos or revisions in the cache, as `hf cache ls` lists them, with what each really costs.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_ls(CLI::App& group, invocation& chosen);

}  // namespace command
