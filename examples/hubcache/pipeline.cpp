#include "pipeline.hpp"

#include <hubcache/store/environment.hpp>

#include <sstream>
#include <utility>

#include "pipeline_arguments.hpp"
#include "pipeline_report.hpp"
#include "pipeline_sharing.hpp"
#include "report.hpp"
#include "working_cache.hpp"

namespace command {

namespace {

hubcache::pipeline_plan plan_of(working_cache& with, const pipelines_wanted& wanted) {
  return with.here.run<hubcache::pipeline_plan>(
      [&](auto handler) { with.cache.async_plan_pipelines(wanted.requests, std::move(handler)); });
}

hubcache::pipelines run_of(working_cache& with, const hubcache::pipeline_plan& plan, console& display) {
  const hubcache::observer_ref observer(display);
  return with.here.run<hubcache::pipelines>(
      [&](auto handler) { with.cache.async_run(plan, observer, std::move(handler)); });
}

/// What the user is told before anything is fetched.
void announce(const pipelines_wanted& wanted, const hubcache::pipeline_plan& plan, console& display) {
  if (wanted.dry_run) {  // a run warns by itself
    for (const auto& text : plan.bundle.warnings) display.warning(text);
    for (const auto& part : plan.bundle.parts) {
      for (const auto& text : part.what.warnings) display.warning(text);
    }
    return;
  }
  if (wanted.json) return;
  std::istringstream lines(sharing_of(plan));
  for (std::string line; std::getline(lines, line);) display.note(line);
}

/// What keeps the directory from being made, or will be missing in it, is told before anything is fetched.
void foresee_assembly(const pipelines_wanted& wanted, const hubcache::pipeline_plan& plan, console& display) {
  static_cast<void>(
      hubcache::assembly_of(plan, hubcache::preview(plan), 0, wanted.assemble, wanted.plain_names));
  for (const auto number : plan.pipelines[0].connected) {
    const auto& other = plan.bundle.parts[plan.pipelines[number].part].what.repo;
    display.warning("The pipeline connects to " + other.display() +
                    ", which is fetched, but is no part of the assembled directory.");
  }
}

/// Makes the directory show the one pipeline that was asked for, or tells what it would show.
void assemble(working_cache& with, const pipelines_wanted& wanted, pipelines_outcome& into) {
  into.shown = hubcache::assembly_of(into.plan, into.done, 0, wanted.assemble, wanted.plain_names);
  if (wanted.dry_run) return;
  into.assembled = with.here.run<hubcache::assembly_report>(
      [&](auto handler) { with.cache.async_assemble(*into.shown, std::move(handler)); });
}

void print_result(const pipelines_wanted& wanted, const pipelines_outcome& result, console& display) {
  if (wanted.json) return print(json_of(result) + "\n");
  if (!wanted.dry_run) {
    display.success(summary_of(result.done.bundle));
    for (const auto& text : refusals_of(result.done.bundle)) display.hint(text);
    if (result.shown) display.success("assembled " + summary_of(result.assembled));
  }
  std::string text = wanted.dry_run && !wanted.quiet ? preview_of(result) + "\n" : "";
  for (const auto& path : paths_of(result)) text += path + "\n";
  print(text);
}

exit_code run_pipeline(const pipeline_arguments& typed, console& display) {
  const auto wanted = request_of(typed, hubcache::environment_settings());
  if (!wanted.assemble.empty()) hubcache::check_assembly_dir(wanted.assemble, wanted.config);
  working_cache with(wanted.config, display);
  pipelines_outcome result;
  result.plan = plan_of(with, wanted);
  announce(wanted, result.plan, display);
  if (!wanted.assemble.empty()) foresee_assembly(wanted, result.plan, display);
  result.done = wanted.dry_run ? hubcache::preview(result.plan) : run_of(with, result.plan, display);
  if (!wanted.assemble.empty()) assemble(with, wanted, result);
  print_result(wanted, result, display);
  return exit_code::ok;
}

}  // namespace

void declare_pipeline(CLI::App& app, invocation& chosen) {
  add_subcommand<pipeline_arguments>(app, "pipeline",
                                     "Fetch whole diffusers pipelines and print their folders", chosen,
                                     declare, run_pipeline);
}

}  // namespace command
