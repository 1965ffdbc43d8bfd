#pragma once
/// @file
/// What help, manual and completion read from the options of a command.

#include <CLI/CLI.hpp>

#include <string>
#include <utility>
#include <vector>

namespace command {

using option_list = std::vector<const CLI::Option*>;

/// The positional arguments of `app`, in order.
[[nodiscard]] option_list positionals_of(const CLI::App& app);
/// Its other options by group, in the order of declaration; --help comes last of all.
[[nodiscard]] std::vector<std::pair<std::string, option_list>> option_groups_of(const CLI::App& app);
/// Its subcommands, without the hidden ones.
[[nodiscard]] std::vector<const CLI::App*> subcommands_of(const CLI::App& app);

/// Every name of an option, the short ones first: "-q", "--quiet".
[[nodiscard]] std::vector<std::string> option_names_of(const CLI::Option& option);
/// What the help calls the value of an option; empty for a flag. Choices are written "one|other".
[[nodiscard]] std::string value_of(const CLI::Option& option);
/// Its description, with the default if that is not told there.
[[nodiscard]] std::string description_of(const CLI::Option& option);
/// "REPO", "[FILES...]": how an argument stands in a line of usage.
[[nodiscard]] std::string usage_of(const CLI::Option& positional);
/// "hubcache cache ls".
[[nodiscard]] std::string full_name_of(const CLI::App& app);

}  // namespace command
