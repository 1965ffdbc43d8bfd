#pragma once
/// @file
/// What --help prints.

#include <CLI/CLI.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace command {

/// No line of the help is longer, examples included.
inline constexpr std::size_t help_width = 100;

/// Breaks `text` at blanks so that its lines, but for the first, begin with `indent` blanks and none is longer than
/// help_width where words allow it. The first one is taken to begin in column `begin`.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t begin, std::size_t indent);

/// Arguments, options by group, subcommands; then the footer: notes, and examples, whose lines begin with two blanks.
class help_formatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace command
