#include "recipe_fetch.hpp"

#include <hubcache/recipe.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "json_object.hpp"
#include "recipe_request.hpp"
#include "report.hpp"

namespace command {

namespace {

void declare(CLI::App& app, recipe_arguments& into) {
  app.option_defaults()->group(choice_group);
  app.add_option("--lock", into.lock, "Take commits, sizes and sha256 from this lock file (see recipe lock)")
      ->type_name("FILE");
  declare_reuse(app, into);
  declare_recipe(app, into);
  declare_dry_run(app, into.dry_run);
  app.footer(
      "Prints a line for each role: its name, a tab, and the path of its file, of the first part of a split "
      "model, or of its folder. docs/recipes.md tells how a recipe is written.\n"
      "\n"
      "Examples:\n"
      "  hubcache recipe fetch flux.toml\n"
      "  hubcache recipe fetch flux.toml --lock flux.lock.json --offline");
}

std::string json_of_file(const hubcache::bundle& got, const hubcache::bundle_file& file) {
  json_object out;
  out.text("path", got.path_of(file))
      .text("file", file.file.path)
      .number("size", file.file.what.size)
      .text_or_null("sha256", file.sha256 ? file.sha256->hex() : "");
  return std::move(out).close();
}

std::string json_of_role(const hubcache::role_path& one, const hubcache::bundle& got) {
  std::vector<hubcache::bundle_file> files;
  std::copy_if(got.files.begin(), got.files.end(), std::back_inserter(files),
               [&one](const hubcache::bundle_file& file) { return file.role == one.role; });
  const auto& part = got.parts[files.front().part];
  std::uint64_t size = 0;
  for (const auto& file : files) size += file.file.what.size;
  const auto& sha256 = files.front().sha256;
  json_object out;
  out.text("path", one.path)
      .text("repo_id", part.repo.id())
      .text("repo_type", to_string(part.repo.type()))
      .text("commit", part.commit)
      .text("file", one.path.substr(part.path.size() + 1))
      .number("size", size)
      .text_or_null("sha256", files.size() == 1 && sha256 ? sha256->hex() : "")
      .raw("files", json_array(files, [&got](const auto& file) { return json_of_file(got, file); }));
  return std::move(out).close();
}

hubcache::bundle fetch(const recipe_request& request, const std::optional<hubcache::lock_file>& lock,
                       bool dry_run, console& display) {
  working_cache with(request.config, display);
  const auto plan = plan_of(request, lock, with);
  if (dry_run) {
    for (const auto& text : plan.warnings) display.warning(text);
    for (const auto& part : plan.parts) {
      for (const auto& text : part.what.warnings) display.warning(text);
    }
    return preview(plan);
  }
  const hubcache::observer_ref observer(display);
  return with.here.run<hubcache::bundle>(
      [&](auto handler) { with.cache.async_run(plan, observer, std::move(handler)); });
}

void print_result(const recipe_arguments& typed, const hubcache::recipe& what, const hubcache::bundle& got,
                  console& display) {
  if (typed.json) return print(command::json_of(what, got) + "\n");
  if (!typed.dry_run) {
    display.success(summary_of(got));
    for (const auto& text : refusals_of(got)) display.hint(text);
  }
  std::string text = typed.dry_run && !typed.quiet ? preview_of(got) + "\n" : "";
  for (const auto& one : paths_of(what, got)) text += one.role + "\t" + one.path + "\n";
  print(text);
}

exit_code run_fetch(const recipe_arguments& typed, console& display) {
  const auto request = request_of(typed);
  std::optional<hubcache::lock_file> lock;
  if (typed.lock) lock = hubcache::read_lock_file(*typed.lock);
  print_result(typed, request.what, fetch(request, lock, typed.dry_run, display), display);
  return exit_code::ok;
}

}  // namespace

std::string json_of(const hubcache::recipe& what, const hubcache::bundle& got) {
  const auto paths = paths_of(what, got);
  json_object roles;
  for (const auto& one : paths) roles.raw(one.role, json_of_role(one, got));
  auto out = object_of(got, paths.front().path);
  out.raw("roles", std::move(roles).close());
  return std::move(out).close();
}

void declare_recipe_fetch(CLI::App& group, invocation& chosen) {
  add_subcommand<recipe_arguments>(group, "fetch",
                                   "Fetch the files of a recipe and print role and path of each", chosen,
                                   declare, run_fetch);
}

}  // namespace command
