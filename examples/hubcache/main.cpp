/// @file
/// The command `hubcache`: subcommands, and what becomes of their failures.

#include <hubcache/error.hpp>
#include <hubcache/version.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

#include "cache_dedupe.hpp"
#include "cache_gc.hpp"
#include "cache_ls.hpp"
#include "cache_pin.hpp"
#include "cache_prune.hpp"
#include "cache_report.hpp"
#include "cache_rm.hpp"
#include "cache_verify.hpp"
#include "console.hpp"
#include "download.hpp"
#include "edit.hpp"
#include "exit_code.hpp"
#include "foreground.hpp"
#include "index_add.hpp"
#include "index_check.hpp"
#include "index_rebuild.hpp"
#include "index_stores.hpp"
#include "index_why.hpp"
#include "inspect.hpp"
#include "lock_check.hpp"
#include "lock_install.hpp"
#include "lock_write.hpp"
#include "pipeline.hpp"
#include "recipe_fetch.hpp"
#include "recipe_lock.hpp"
#include "report.hpp"
#include "subcommand.hpp"

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

int report(const hubcache::error& failure, bool json, bool quiet) {
  auto display = stderr_console(quiet);
  if (json) std::puts(command::json_of(failure).c_str());
  display.error(failure.what());
  const auto code = command::exit_code_of(failure.reason());
  if (code == command::exit_code::access) {
    display.hint(
        "a token is read from HF_TOKEN or from the file that `hf auth login` writes; --token works too.");
  }
  return static_cast<int>(code);
}

int run(int argc, char** argv, command::invocation& chosen) {
  CLI::App app("Fetches Hugging Face repos and never downloads or stores the same bytes twice.", "hubcache");
  app.set_version_flag("--version", hubcache::version);
  app.require_subcommand(1);
  app.footer(std::string(command::exit_code_help));
  app.get_formatter()->column_width(34);

  command::declare_download(app, chosen);
  command::declare_pipeline(app, chosen);
  command::declare_inspect(app, chosen);
  command::declare_compare(app, chosen);
  command::declare_edit(app, chosen);
  auto* const cache = app.add_subcommand("cache", "List, check, clean and share what the cache holds");
  cache->require_subcommand(1);
  command::declare_cache_ls(*cache, chosen);
  command::declare_cache_rm(*cache, chosen);
  command::declare_cache_prune(*cache, chosen);
  command::declare_cache_gc(*cache, chosen);
  command::declare_cache_pin(*cache, chosen);
  command::declare_cache_verify(*cache, chosen);
  command::declare_cache_dedupe(*cache, chosen);
  command::declare_cache_report(*cache, chosen);
  auto* const index = app.add_subcommand("index", "Where content lies on this machine");
  index->require_subcommand(1);
  command::declare_index_add(*index, chosen);
  command::declare_index_check(*index, chosen);
  command::declare_index_rebuild(*index, chosen);
  command::declare_index_stores(*index, chosen);
  command::declare_index_why(*index, chosen);
  auto* const lock = app.add_subcommand("lock", "Name files by commit and sha256, and install exactly those");
  lock->require_subcommand(1);
  command::declare_lock_write(*lock, chosen);
  command::declare_lock_install(*lock, chosen);
  command::declare_lock_check(*lock, chosen);
  auto* const recipe = app.add_subcommand("recipe", "Files of several repos by their roles, for engines");
  recipe->require_subcommand(1);
  command::declare_recipe_fetch(*recipe, chosen);
  command::declare_recipe_lock(*recipe, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& answered) {
    return app.exit(answered);
  } catch (const CLI::ParseError& e) {
    throw hubcache::error(hubcache::errc::invalid_argument, std::string(e.what()) + " (see hubcache --help)");
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
