#pragma once
/// @file
/// The manual page hubcache(1), made of the same definitions as the help.

#include <string>

#include "subcommand.hpp"

namespace command {

/// Adds the hidden subcommand `man-page`, which prints the page for packagers.
void declare_man_page(CLI::App& app, invocation& chosen);

/// The page in the format of man(7).
[[nodiscard]] std::string man_page(const CLI::App& app);

}  // namespace command
