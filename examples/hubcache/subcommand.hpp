#pragma once
/// @file
/// How subcommands are declared, and the options that many of them share.

#include <hubcache/error.hpp>
#include <hubcache/settings.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "console.hpp"
#include "exit_code.hpp"

namespace command {

/// The subcommand that the user chose, ready to run.
struct invocation {
  bool json = false;
  bool quiet = false;
  std::function<exit_code(console&)> run;
};

/// The groups of options in the help of commands that have many, in this order.
inline constexpr const char* choice_group = "What to fetch";
inline constexpr const char* place_group = "Where it goes";
inline constexpr const char* reuse_group = "What is here already";
inline constexpr const char* rule_group = "Rules";
inline constexpr const char* hub_group = "The Hub";
inline constexpr const char* output_group = "Output";

/// Options that mean the same wherever they stand.
struct common_options {
  std::optional<std::string> cache_dir;
  bool json = false;
  bool quiet = false;
  bool yes = false;
  bool dry_run = false;
};

/// Accepts whole numbers from `least` on.
[[nodiscard]] CLI::Validator whole_number(std::uint64_t least);

/// Declares --json and -q.
void declare_output(CLI::App& app, bool& json, bool& quiet);
/// Declares --dry-run.
void declare_dry_run(CLI::App& app, bool& into);
/// Declares --cache-dir, --json and -q.
void declare_common(CLI::App& app, common_options& into);
/// Declares --dry-run and -y: for what deletes or replaces.
void declare_destructive(CLI::App& app, common_options& into);
/// The environment's settings, with what the user typed.
/// @throws hubcache::error errc::invalid_argument
[[nodiscard]] hubcache::settings settings_of(const common_options& typed);

/// Whether to go on: true with -y, else what the user answers to "`question` [y/N]".
/// @throws hubcache::error errc::refused if there is no terminal to ask on.
[[nodiscard]] bool confirmed(const common_options& typed, std::string_view question);

/// What is wrong with what was typed, as an error (errc::invalid_argument).
[[nodiscard]] hubcache::error usage(std::string detail);

/// Writes to stdout. @throws hubcache::error if that fails.
void print(std::string_view text);

/// Adds a subcommand to `group`. `Arguments` has the members `json` and `quiet`; `declare` adds its options, `run` is
/// called after the whole command line was read.
template <class Arguments>
CLI::App& add_subcommand(CLI::App& group, const std::string& name, const std::string& help,
                         invocation& chosen, void (*declare)(CLI::App&, Arguments&),
                         exit_code (*run)(const Arguments&, console&)) {
  auto* const app = group.add_subcommand(name, help);
  const auto typed = std::make_shared<Arguments>();
  declare(*app, *typed);
  app->callback([typed, &chosen, run] {
    chosen.json = typed->json;
    chosen.quiet = typed->quiet;
    chosen.run = [typed, run](console& display) { return run(*typed, display); };
  });
  return *app;
}

}  // namespace command
