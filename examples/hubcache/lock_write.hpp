#pragma once
/// @file
/// `hubcache lock write`: downloads repos and writes down what came.

#include <hubcache/select/lock_file.hpp>

#include <string>

#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `group`.
void declare_lock_write(CLI::App& group, invocation& chosen);

/// Tells that `lock` was written to `file`, as JSON or for people.
void print_written(const std::string& file, const hubcache::lock_file& lock, bool json, console& display);

}  // namespace command
