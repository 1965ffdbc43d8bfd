#pragma once
/// @file
/// All commands: the one definition that parsing, help, completion and manual are made of.

#include "subcommand.hpp"

namespace command {

/// Declares every subcommand on `app`; one that is parsed leaves what is to be run in `chosen`. Both must outlive the
/// parsing.
void declare_commands(CLI::App& app, invocation& chosen);

}  // namespace command
