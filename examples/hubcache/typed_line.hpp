#pragma once
/// @file
/// A command line that need not be complete or right: what completion and the advice after a mistake start from.

#include <CLI/CLI.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace command {

/// How far words lead into the tree of commands.
struct typed_line {
  const CLI::App* command = nullptr;    ///< The innermost subcommand that is named.
  const CLI::Option* awaits = nullptr;  ///< The option whose value comes next.
  std::size_t arguments = 0;            ///< How many words are arguments of `command`.
  bool options_ended = false;           ///< "--" was among the words.
  std::string unknown;  ///< The first word that is no option or no subcommand; empty if all are.
};

/// Reads `words`, the name of the program not among them, up to the first that is unknown.
[[nodiscard]] typed_line read_line(const CLI::App& app, const std::vector<std::string>& words);

/// The option `name` of `app`, without its value; null if there is none.
[[nodiscard]] const CLI::Option* find_option(const CLI::App& app, const std::string& name);

/// "'--includ' is no option of hubcache download; did you mean --include?", or empty if no word is to blame.
[[nodiscard]] std::string advice_of(const typed_line& typed);

}  // namespace command
