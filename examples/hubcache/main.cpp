/// @file
/// The command `hubcache`: subcommands, and what becomes of their failures.

#include <hubcache/error.hpp>
#include <hubcache/store/environment.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "command_tree.hpp"
#include "completion.hpp"
#include "console.hpp"
#include "exit_code.hpp"
#include "foreground.hpp"
#include "option_names.hpp"
#include "report.hpp"
#include "subcommand.hpp"
#include "typed_line.hpp"

namespace {

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

command::console stderr_console(bool quiet) {
  return command::console(command::style_for(::isatty(STDERR_FILENO) == 1, quiet, variable));
}

/// Whether --json stands on the command line, which may be one that cannot be parsed.
bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

/// What the options of this command can do about a failure; empty if nothing.
std::string_view hint_for(hubcache::errc reason) {
  switch (reason) {
    case hubcache::errc::unauthorized:
    case hubcache::errc::gated:
    case hubcache::errc::forbidden:
      return "a token is read from HF_TOKEN or from the file that `hf auth login` writes; --token works too.";
    case hubcache::errc::repo_not_found:
      return "--repo-type tells datasets and spaces from models.";
    case hubcache::errc::disallowed:
      return "--exclude leaves files out; `hubcache lock write` makes lock files.";
    default:
      return {};
  }
}

int report(const hubcache::error& failure, bool json, bool quiet) {
  auto display = stderr_console(quiet);
  if (json) std::puts(command::json_of(failure).c_str());
  display.error(failure.what());
  const auto hint = hint_for(failure.reason());
  if (!hint.empty()) display.hint(hint);
  return static_cast<int>(command::exit_code_of(failure.reason()));
}

/// What completion scripts ask for. They would show an error in the middle of the user's line, so there is none.
int complete(const CLI::App& app, const std::vector<std::string>& words) {
  try {
    command::print(command::completions_of(
        app, words, [] { return command::cached_repos(hubcache::environment_settings().cache_dir); }));
  } catch (const std::exception&) {
    return static_cast<int>(command::exit_code::other);
  }
  return static_cast<int>(command::exit_code::ok);
}

/// What is wrong with the command line that CLI11 calls wrong by `why`.
hubcache::error usage_error(const CLI::App& app, const std::vector<std::string>& words,
                            const std::string& why) {
  const auto typed = command::read_line(app, words);
  const auto advice = command::advice_of(typed);
  return command::usage((advice.empty() ? why : advice) + " (see " + command::full_name_of(*typed.command) +
                        " --help)");
}

int run(int argc, char** argv, command::invocation& chosen) {
  CLI::App app;
  command::declare_commands(app, chosen);
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && words.front() == command::completion_request) {  // half a line: not to be parsed
    words.erase(words.begin());
    return complete(app, words);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& answered) {
    // CLI11 would answer "dowload --help" with the help of the command before it.
    const auto unknown = command::read_line(app, words).unknown;
    if (!unknown.empty() && unknown.front() != '-') throw usage_error(app, words, answered.what());
    return app.exit(answered);
  } catch (const CLI::ParseError& e) {
    throw usage_error(app, words, e.what());
  }
  auto display = stderr_console(chosen.quiet);
  return static_cast<int>(chosen.run(display));
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a broken pipe or connection is an error to report, not a reason to die
  command::exit_at_signals();
  const bool json = wants_json(argc, argv);
  command::invocation chosen;
  try {
    return run(argc, argv, chosen);
  } catch (const hubcache::error& failure) {
    return report(failure, json, chosen.quiet);
  } catch (const std::exception& e) {
    return report(hubcache::error(hubcache::errc::internal, e.what()), json, chosen.quiet);
  }
}
