#include "cache_gc.hpp"

#include <hubcache/error.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/upkeep/gc.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "cache_removal.hpp"
#include "quantities.hpp"

namespace command {

namespace {

struct cache_gc_arguments : common_options {
  std::string max_size;
  std::string max_age;
};

void declare(CLI::App& app, cache_gc_arguments& into) {
  app.add_option(
         "--max-size", into.max_size,
         "Remove what was not used for longest until the cache holds no more than this, as in 200GB or 1TiB")
      ->type_name("SIZE");
  app.add_option("--max-age", into.max_age,
                 "Remove what was not used for longer than this, as in 90d or 6mo (s, m, h, d, w, mo, y)")
      ->type_name("DURATION");
  declare_common(app, into);
  declare_destructive(app, into);
  app.footer(
      "Give one limit or both. What counts is what removing the whole cache would free: not what other files "
      "on this disk share. Pinned repos and those in use stay. If --max-size cannot be reached, nothing goes "
      "for its sake: exit code 9.\n\n"
      "Examples:\n"
      "  hubcache cache gc --max-size 200GB --dry-run\n"
      "  hubcache cache gc --max-age 90d -y");
}

exit_code run(const cache_gc_arguments& typed, console& display) {
  hubcache::gc_goal goal;
  if (!typed.max_size.empty()) goal.max_bytes = parse_bytes(typed.max_size);
  if (!typed.max_age.empty()) goal.max_age = parse_exact_duration(typed.max_age);
  if (!goal.max_bytes && !goal.max_age) {
    throw hubcache::error(hubcache::errc::invalid_argument,
                          "say what is too much: --max-size, --max-age or both");
  }
  const auto choose = [&goal](const hubcache::survey& cache, const std::stop_token& stop) {
    goal.leftovers.now_ns = now_ns();
    chosen_removal result;
    auto plan = plan_gc(cache.seen, cache.map, cache.book, goal, stop);
    result.what = std::move(plan.what);
    result.refusal = std::move(plan.out_of_reach);
    if (!result.refusal.empty()) result.code = exit_code::refused;
    return result;
  };
  return run_removal(typed, display, choose,
                     "Nothing to delete: what the cache holds is within its limits, pinned or in use.");
}

}  // namespace

void declare_cache_gc(CLI::App& group, invocation& chosen) {
  add_subcommand<cache_gc_arguments>(group, "gc", "Make the cache small enough: what was used last stays",
                                     chosen, declare, run);
}

}  // namespace command
