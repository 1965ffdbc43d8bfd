#pragma once
/// @file
/// `hubcache cache dedupe`: equal files come to share their bytes.

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_cache_dedupe(CLI::App& group, invocation& chosen);

}  // namespace command
