#include "cache_dedupe.hpp"

#include <hubcache/error.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/store/scan.hpp>
#include <hubcache/upkeep/dedupe.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "byte_progress.hpp"
#include "foreground.hpp"
#include "json_object.hpp"
#include "progress.hpp"
#include "table.hpp"

namespace command {

namespace {

using hubcache::dedupe_group;
using hubcache::dedupe_plan;
using hubcache::dedupe_step;
using hubcache::format_bytes;

struct dedupe_arguments : common_options {
  std::uint64_t min_size = hubcache::dedupe_options().min_size;
  bool across_owners = false;
};

void declare(CLI::App& app, dedupe_arguments& into) {
  app.add_option("--min-size", into.min_size,
                 "Leave smaller files alone, as in 500K or 1GiB (default: 64KiB)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(true).description(""));
  app.add_flag("--across-owners", into.across_owners, "Let files of different users share their bytes, too");
  declare_common(app, into);
  declare_destructive(app, into);
  app.footer(
      "Looks at the cache, other Hub caches and stores that may be written to, and folders of the index. "
      "Where the file system can share blocks (btrfs, XFS), it compares the bytes and shares them; every "
      "file stays a file of its own. Elsewhere equal blobs become hard links. Nothing is lost if it is "
      "interrupted.\n"
      "\n"
      "Examples:\n"
      "  hubcache cache dedupe --dry-run\n"
      "  hubcache cache dedupe --min-size 1M -y");
}

/// Steps of all groups that `chosen` is true for.
template <class Chosen>
std::vector<dedupe_step> steps_of(const dedupe_plan& plan, Chosen chosen) {
  std::vector<dedupe_step> found;
  for (const auto& group : plan.groups) {
    for (const auto& step : group.steps) {
      if (chosen(step)) found.push_back(step);
    }
  }
  return found;
}
bool is_planned(const dedupe_step& step) { return step.how.has_value(); }
bool is_done(const dedupe_step& step) { return step.done; }
bool has_failed(const dedupe_step& step) { return step.how && !step.done && !step.problem.empty(); }
bool is_left(const dedupe_step& step) { return !step.how; }

const std::string& path_of(const hubcache::dedupe_file& file) { return file.names.front().path; }

std::string table_of(const dedupe_plan& plan) {
  table lines({{"SAVES", table::align::right}, {"BY"}, {"FILE"}, {"LIKE"}});
  for (const auto& group : plan.groups) {
    for (const auto& step : group.steps) {
      if (!step.how) continue;
      lines.add({format_bytes(step.saves), std::string(to_string(*step.how)), path_of(step.file),
                 path_of(group.kept)});
    }
  }
  return lines.text();
}

std::string json_of(const dedupe_step& step) {
  std::vector<std::string> paths;
  for (const auto& name : step.file.names) paths.push_back(name.path);
  json_object out;
  out.raw("paths", json_array(paths, json_string))
      .text_or_null("by", step.how ? to_string(*step.how) : "")
      .number("saves", step.saves)
      .boolean("done", step.done)
      .text_or_null("problem", step.problem);
  return std::move(out).close();
}

std::string json_of(const dedupe_group& group) {
  json_object out;
  out.text("digest", group.what.name.hex())
      .number("size", group.what.size)
      .text("kept", path_of(group.kept))
      .raw("files", json_array(group.steps, [](const auto& step) { return json_of(step); }));
  return std::move(out).close();
}

std::string json_of(const dedupe_plan& plan, bool dry_run) {
  json_object out;
  out.raw("groups", json_array(plan.groups, [](const auto& group) { return json_of(group); }))
      .number("estimated", plan.saves())
      .number("freed", plan.freed)
      .number("shared", steps_of(plan, is_done).size())
      .boolean("complete", plan.complete)
      .boolean("dry_run", dry_run);
  return std::move(out).close();
}

/// The own cache and the other Hub caches that may be written to.
std::vector<std::string> caches_of(const hubcache::settings& config) {
  std::vector<std::string> folders{config.cache_dir};
  for (const auto& one : config.stores) {
    if (one.kind == hubcache::store_kind::hub_cache && !one.read_only) folders.push_back(one.path);
  }
  return folders;
}

/// What one run works with.
struct dedupe_work {
  dedupe_work(const dedupe_arguments& t, hubcache::settings c) : typed(t), config(std::move(c)) {}

  const dedupe_arguments& typed;
  hubcache::settings config;
  hubcache::workers pool;
  hubcache::mapped_index index{config.state_dir + "/index"};
  std::vector<hubcache::census_problem> unreadable;
};

dedupe_plan plan(dedupe_work& work, const std::stop_token& stop) {
  std::vector<hubcache::census> caches;
  for (const auto& folder : caches_of(work.config)) {
    caches.push_back(hubcache::take_census(folder, work.pool, stop));
  }
  const auto scan = hubcache::scan_stores(work.config.cache_dir, work.config.stores, work.config.state_dir,
                                          work.index, stop);
  hubcache::dedupe_options options;
  options.min_size = work.typed.min_size;
  options.across_owners = work.typed.across_owners;
  auto made = plan_dedupe(caches, work.config.stores, work.index, scan.claims, options, work.pool, stop);
  if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "");
  for (const auto& seen : caches) {
    for (const auto& problem : seen.problems) {
      if (problem.unreadable) work.unreadable.push_back(problem);
    }
  }
  return made;
}

/// What is left alone, and why, on stderr.
void tell_left(const dedupe_plan& plan, console& display) {
  constexpr std::size_t most = 10;
  const auto left = steps_of(plan, is_left);
  for (std::size_t i = 0; i < std::min(most, left.size()); ++i) {
    display.note("left: " + path_of(left[i].file) + ": " + left[i].problem);
  }
  if (left.size() > most)
    display.note("and " + std::to_string(left.size() - most) + " more; --json tells them all");
}

void print_preview(const dedupe_plan& plan, const dedupe_arguments& typed, console& display) {
  const auto planned = steps_of(plan, is_planned);
  if (typed.json) return print(json_of(plan, true) + "\n");
  if (typed.quiet) {
    for (const auto& step : planned) print(path_of(step.file) + "\n");
    return;
  }
  if (!planned.empty()) print(table_of(plan) + "\n");
  print("[dry-run] Would let " + counted(planned.size(), "file") + " share bytes, freeing about " +
        format_bytes(plan.saves()) + ".\n");
  tell_left(plan, display);
}

void print_result(const dedupe_plan& done, const dedupe_arguments& typed, console& display) {
  const auto shared = steps_of(done, is_done);
  for (const auto& step : steps_of(done, has_failed)) {
    display.warning(path_of(step.file) + " is left as it is: " + step.problem);
  }
  if (typed.json) return print(json_of(done, false) + "\n");
  if (typed.quiet) {
    for (const auto& step : shared) print(path_of(step.file) + "\n");
    return;
  }
  tell_left(done, display);
  std::uint64_t estimated = 0;
  for (const auto& step : shared) estimated += step.saves;
  print("Freed " + format_bytes(done.freed) + " (estimated: " + format_bytes(estimated) + "); " +
        counted(shared.size(), "file") + (shared.size() == 1 ? " shares its" : " share their") +
        " bytes with others now.\n");
}

exit_code run_dedupe(const dedupe_arguments& typed, console& display) {
  dedupe_work work(typed, settings_of(typed));
  foreground here(display);
  auto planned = here.block<dedupe_plan>([&work](const std::stop_token& stop) { return plan(work, stop); });
  for (const auto& problem : work.unreadable) display.error(problem.path + " " + problem.text);
  const auto trouble = work.unreadable.empty() ? exit_code::ok : exit_code::other;
  const auto count = steps_of(planned, is_planned).size();
  if (typed.dry_run) {
    print_preview(planned, typed, display);
    return trouble;
  }
  const auto question = "About to let " + counted(count, "file") + " share bytes, freeing about " +
                        format_bytes(planned.saves()) + ". Proceed?";
  if (count > 0 && !confirmed(typed, question)) return trouble;
  const byte_progress progress(here, display, "comparing");
  const auto done = here.block<dedupe_plan>([&](const std::stop_token& stop) {
    return dedupe(std::move(planned), work.config.state_dir, work.index, progress, stop);
  });
  print_result(done, typed, display);
  if (!done.complete) return exit_code::interrupted;
  return steps_of(done, has_failed).empty() ? trouble : exit_code::other;
}

}  // namespace

void declare_cache_dedupe(CLI::App& group, invocation& chosen) {
  add_subcommand<dedupe_arguments>(group, "dedupe", "Let equal files share their bytes on disk", chosen,
                                   declare, run_dedupe);
}

}  // namespace command
