// All commands: what their help, the manual and docs/command.md say of them.
#include "command_tree.hpp"

#include <hubcache/store/environment.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "console.hpp"
#include "environment_help.hpp"
#include "help.hpp"
#include "man_page.hpp"
#include "option_names.hpp"

using words = std::vector<std::string>;

namespace {

struct command_tree {
  command_tree() { command::declare_commands(app, chosen); }

  void parse(words typed) {
    std::reverse(typed.begin(), typed.end());
    app.parse(typed);
  }

  CLI::App app;
  command::invocation chosen;
};

/// `app` and all commands below it that are shown.
std::vector<const CLI::App*> all_of(const CLI::App& app) {
  std::vector<const CLI::App*> all{&app};
  for (const auto* one : command::subcommands_of(app)) {
    const auto some = all_of(*one);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

words lines_of(const std::string& text) {
  std::istringstream stream(text);
  words lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// One text, which a failed comparison shows.
std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += name + " ";
  return text;
}

words split(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// The words of the command line in an example, quotes taken off; it ends at '>' or ')'.
words words_of_example(const std::string& line) {
  words result;
  std::string word;
  bool begun = false;
  char quote = '\0';
  for (const char c : line.substr(line.find("hubcache ") + std::string("hubcache ").size()) + " ") {
    if (quote == '\0' && (c == '>' || c == ')')) break;
    if (quote == '\0' && c == ' ') {
      if (begun) result.push_back(word);
      word.clear();
      begun = false;
      continue;
    }
    begun = true;
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      word += c;
    }
  }
  if (begun) result.push_back(word);
  return result;
}

words examples_of(const CLI::App& app) {
  words examples;
  for (const auto& line : lines_of(app.get_footer())) {
    if (line.starts_with("  ")) examples.push_back(line);
  }
  return examples;
}

/// What stands in backquotes at the beginning of the rows of a table in docs/command.md, below `title`.
std::set<std::string> documented(const std::string& title) {
  std::ifstream file(HUBCACHE_DOCS_FOLDER "/command.md");
  std::set<std::string> names;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## " + title;
    if (!inside || !line.starts_with("| `")) continue;
    const auto cell = line.substr(0, line.find(" |", 2));
    for (auto at = cell.find('`'); at != cell.npos;) {
      const auto end = cell.find('`', at + 1);
      names.insert(cell.substr(at + 1, end - at - 1));
      at = cell.find('`', end + 1);
    }
  }
  return names;
}

std::set<std::string> told_variables() {
  std::set<std::string> names;
  for (const auto& [some, text] : command::variable_meanings) {
    auto list = std::string(some);
    std::replace(list.begin(), list.end(), ',', ' ');
    for (auto& name : split(list)) names.insert(std::move(name));
  }
  return names;
}

}  // namespace

TEST_CASE("every command and every option is described, in lines of at most 100 columns") {
  const command_tree tree;
  for (const auto* app : all_of(tree.app)) {
    CAPTURE(command::full_name_of(*app));
    CHECK_FALSE(app->get_description().empty());
    for (const auto* option : app->get_options({})) {
      CAPTURE(option->get_name());
      CHECK_FALSE(option->get_description().empty());
    }
    for (const auto& line : lines_of(app->help())) {
      CAPTURE(line);
      CHECK(line.size() <= command::help_width);
    }
  }
}

TEST_CASE("--help of every command is an answer, not a failure") {
  const command_tree shape;
  for (const auto* app : all_of(shape.app)) {
    auto typed = split(command::full_name_of(*app) + " --help");
    typed.erase(typed.begin());
    command_tree tree;
    CHECK_THROWS_AS(tree.parse(typed), CLI::CallForHelp);
  }
}

TEST_CASE("every command that does something shows examples of itself, and they can be parsed") {
  const command_tree shape;
  for (const auto* app : all_of(shape.app)) {
    const auto name = command::full_name_of(*app);
    CAPTURE(name);
    const auto examples = examples_of(*app);
    CHECK((!examples.empty() || !command::subcommands_of(*app).empty()));
    for (const auto& example : examples) {
      CAPTURE(example);
      CHECK(example.find(name + (app->get_parent() == nullptr ? " " : "")) != example.npos);
      command_tree tree;
      CHECK_NOTHROW(tree.parse(words_of_example(example)));
      CHECK(tree.chosen.run);
    }
  }
}

TEST_CASE("options stand in groups that begin with what to fetch and end with --help") {
  const command_tree tree;
  const auto groups = command::option_groups_of(*tree.app.get_subcommand("download"));
  words titles;
  for (const auto& [title, options] : groups) titles.push_back(title);
  CHECK(titles ==
        words{"What to fetch", "Where it goes", "What is here already", "Rules", "The Hub", "Output"});
  CHECK(command::option_names_of(*groups.back().second.back()) == words{"-h", "--help"});
}

TEST_CASE("what is no whole number in range is told plainly") {
  for (const std::string text : {"-1", "many", "1.5", "99999999999999999999", ""}) {
    command_tree tree;
    CHECK_THROWS_WITH_AS(tree.parse({"cache", "ls", "--limit", text}),
                         ("--limit: must be a whole number from 0 on, not '" + text + "'").c_str(),
                         CLI::ValidationError);
  }
  command_tree tree;
  CHECK_NOTHROW(tree.parse({"cache", "ls", "--limit", "0"}));
}

TEST_CASE("text is broken at blanks before the last column, and long words stay whole") {
  const std::string word(60, 'w');
  CHECK(command::wrapped("a b", 30, 30) == "a b");
  CHECK(command::wrapped(word + " " + word, 30, 30) == word + "\n" + std::string(30, ' ') + word);
  CHECK(command::wrapped(std::string(120, 'x'), 30, 30) == std::string(120, 'x'));
  CHECK(command::wrapped(std::string(50, 'x') + " " + std::string(49, 'y'), 0, 0).find('\n') ==
        std::string::npos);
  CHECK(command::wrapped(std::string(50, 'x') + " " + std::string(50, 'y'), 0, 0).find('\n') == 50);
}

TEST_CASE("the help of the whole command tells every exit code") {
  const command_tree tree;
  const auto help = tree.app.help();
  for (const auto& [code, meaning] : command::exit_meanings) {
    CHECK(help.find(" " + std::to_string(static_cast<int>(code)) + "  " +
                    std::string(meaning).substr(0, 30)) != help.npos);
  }
}

TEST_CASE("every environment variable that is read is told, and no other") {
  std::set<std::string> asked;
  const hubcache::variable_lookup record = [&](const std::string& name) -> std::optional<std::string> {
    asked.insert(name);
    return name == "TERM" ? std::optional<std::string>("xterm")
                          : std::nullopt;  // else colours are not asked for
  };
  static_cast<void>(hubcache::environment_settings(record));
  static_cast<void>(command::style_for(true, false, record));
  std::set<std::string> upper;  // proxies are read in both cases
  for (auto name : asked) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    upper.insert(name);
  }
  CHECK(joined(upper) == joined(told_variables()));
}

TEST_CASE("docs/command.md lists the commands, exit codes and variables that there are") {
  const command_tree tree;
  std::set<std::string> leaves;
  for (const auto* app : all_of(tree.app)) {
    if (command::subcommands_of(*app).empty()) leaves.insert(command::full_name_of(*app));
  }
  CHECK(joined(documented("Commands")) == joined(leaves));
  std::set<std::string> codes;
  for (const auto& [code, meaning] : command::exit_meanings) {
    codes.insert(std::to_string(static_cast<int>(code)));
  }
  CHECK(joined(documented("Exit codes")) == joined(codes));
  CHECK(joined(documented("Environment")) == joined(told_variables()));
}

TEST_CASE("the manual has every command with its options, every exit code and every variable") {
  const command_tree tree;
  const auto page = command::man_page(tree.app);
  for (const auto* app : all_of(tree.app)) {
    if (!command::subcommands_of(*app).empty()) continue;
    const auto begin = page.find(".SS \"" + command::full_name_of(*app) + " [OPTIONS]");
    REQUIRE(begin != page.npos);
    const auto section = page.substr(begin, page.find("\n.S", begin + 1) - begin);
    for (const auto& [title, options] : command::option_groups_of(*app)) {
      for (const auto* option : options) {
        auto name = command::option_names_of(*option).back();
        if (name == "--help") continue;
        for (std::size_t at = 0; (at = name.find('-', at)) != name.npos; at += 2) name.replace(at, 1, "\\-");
        CAPTURE(name);
        CHECK(section.find("\\fB" + name + "\\fR") != section.npos);
      }
    }
  }
  for (const auto& name : told_variables()) CHECK(page.find(name) != page.npos);
  CHECK(page.find("\\fB130\\fR") != page.npos);
}

TEST_CASE("the manual page is offered to nobody but who asks for it") {
  const command_tree tree;
  CHECK(tree.app.help().find("man-page") == std::string::npos);
  command_tree asked;
  CHECK_NOTHROW(asked.parse({"man-page"}));
  CHECK(asked.chosen.run);
}
