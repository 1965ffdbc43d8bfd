#include "help.hpp"

#include <algorithm>

#include "exit_code.hpp"
#include "option_names.hpp"

namespace command {

namespace {

constexpr std::size_t help_column = 26;  ///< Where descriptions begin.

std::string joined_names(const CLI::Option& option) {
  std::string all;
  for (const auto& name : option_names_of(option)) all.append(all.empty() ? "" : ", ").append(name);
  const auto value = value_of(option);
  return all + (value.empty() ? "" : " " + value);
}

/// A name and what it means; a long name has a line of its own.
std::string help_entry(const std::string& name, const std::string& text) {
  std::string entry = "  " + name;
  if (entry.size() + 2 > help_column) {
    entry += "\n" + std::string(help_column, ' ');
  } else {
    entry.append(help_column - entry.size(), ' ');
  }
  return entry + wrapped(text, help_column, help_column) + "\n";
}

std::string usage_line(const CLI::App& app, const std::string& name) {
  auto line = "Usage: " + name + (subcommands_of(app).empty() ? " [OPTIONS]" : " COMMAND");
  for (const auto* one : positionals_of(app)) line += " " + usage_of(*one);
  return line + "\n";
}

std::string help_lists(const CLI::App& app) {
  std::string text;
  const auto positionals = positionals_of(app);
  if (!positionals.empty()) text += "\nArguments:\n";
  for (const auto* one : positionals) text += help_entry(one->get_name(true), description_of(*one));
  const auto subcommands = subcommands_of(app);
  if (!subcommands.empty()) text += "\nCommands:\n";
  for (const auto* one : subcommands) {
    text += help_entry(one->get_display_name(true), one->get_description());
  }
  for (const auto& [title, options] : option_groups_of(app)) {
    text += "\n" + title + ":\n";
    for (const auto* one : options) text += help_entry(joined_names(*one), description_of(*one));
  }
  return text;
}

/// The footer with its paragraphs broken; lines that begin with a blank stay as they are.
std::string help_footer(const std::string& footer) {
  std::string text;
  for (std::size_t at = 0; at < footer.size();) {
    const auto end = std::min(footer.find('\n', at), footer.size());
    const auto line = footer.substr(at, end - at);
    text += (line.starts_with(' ') ? line : wrapped(line, 0, 0)) + "\n";
    at = end + 1;
  }
  return text;
}

std::string exit_code_list() {
  std::string text = "Exit codes:\n";
  for (const auto& [code, meaning] : exit_meanings) {
    const auto number = std::to_string(static_cast<int>(code));
    text += std::string(5 - number.size(), ' ') + number + "  " + std::string(meaning) + "\n";
  }
  return text;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t begin, std::size_t indent) {
  std::string result;
  std::size_t column = begin;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (column > indent && column + 1 + end > help_width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    }
    result.append(text.substr(0, end));
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::string help_formatter::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  const auto footer = app->get_footer();
  return app->get_description() + ".\n\n" + usage_line(*app, full_name_of(*app)) + help_lists(*app) +
         (footer.empty() ? "" : "\n" + help_footer(footer)) + "\n" +
         (app->get_parent() == nullptr ? exit_code_list() : "Exit codes: see `hubcache --help`.\n");
}

}  // namespace command
