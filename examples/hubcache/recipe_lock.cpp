#include "recipe_lock.hpp"

#include <hubcache/os/file.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "download.hpp"
#include "lock_write.hpp"
#include "recipe_request.hpp"

namespace command {

namespace {

struct recipe_lock_arguments : recipe_arguments {
  std::string output;
};

void declare(CLI::App& app, recipe_lock_arguments& into) {
  app.option_defaults()->group(place_group);
  app.add_option("-o,--output", into.output,
                 "The lock file (default: the recipe's name with .lock.json for .toml)")
      ->type_name("FILE");
  declare_recipe(app, into);
  app.footer(
      "Writes commits, paths, sizes and sha256 of all files of the recipe; fetches those alone whose sha256 "
      "the Hub does not tell. `hubcache recipe fetch FILE --lock LOCK` brings the same bytes or fails.\n"
      "\n"
      "Examples:\n"
      "  hubcache recipe lock flux.toml\n"
      "  hubcache recipe lock flux.toml -o flux.lock.json");
}

std::string output_of(const recipe_lock_arguments& typed) {
  if (!typed.output.empty()) return typed.output;
  std::string_view name = typed.file;
  if (name.ends_with(".toml")) name.remove_suffix(std::string_view(".toml").size());
  return std::string(name) + ".lock.json";
}

/// What is there is replaced only if it is a lock file.
void check_replaceable(const std::string& file) {
  std::error_code ec;
  static_cast<void>(hubcache::os::status(file, ec, true));
  if (ec == std::errc::no_such_file_or_directory) return;
  try {
    static_cast<void>(hubcache::read_lock_file(file));
  } catch (const hubcache::error& e) {
    throw hubcache::error(hubcache::errc::refused,
                          "there is a file that is no lock file and would be replaced; name another by -o",
                          e.context());
  }
}

exit_code run_lock(const recipe_lock_arguments& typed, console& display) {
  const auto output = output_of(typed);
  check_place_of(output, "lock file");
  check_replaceable(output);
  auto request = request_of(typed);
  hubcache::check_lockable(request.what);
  // The lock file that this makes is what gives every file a sha256.
  request.config.require = request.config.require.without(hubcache::requirement::sha256);

  working_cache with(request.config, display);
  const auto plan = plan_of(request, std::nullopt, with);
  const hubcache::observer_ref observer(display);
  const auto lock = with.here.run<hubcache::lock_file>(
      [&](auto handler) { with.cache.async_lock(plan, observer, std::move(handler)); });
  hubcache::write_lock_file(output, lock);
  print_written(output, lock, typed.json, display);
  return exit_code::ok;
}

}  // namespace

void declare_recipe_lock(CLI::App& group, invocation& chosen) {
  add_subcommand<recipe_lock_arguments>(
      group, "lock", "Write what the files of a recipe are now into a lock file", chosen, declare, run_lock);
}

}  // namespace command
