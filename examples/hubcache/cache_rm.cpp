#include "cache_rm.hpp"

#include <stop_token>
#include <string>
#include <vector>

#include "cache_removal.hpp"

namespace command {

namespace {

struct cache_rm_arguments : common_options {
  std::vector<std::string> targets;
};

void declare(CLI::App& app, cache_rm_arguments& into) {
  app.add_option("TARGET", into.targets,
                 "model/OWNER/NAME, OWNER/NAME (a model), hf://..., any of them with @REVISION, or a commit")
      ->required();
  declare_common(app, into);
  declare_destructive(app, into);
  app.footer(
      "Content that another repo or revision uses stays. What is pinned is refused until "
      "`hubcache cache unpin` takes the pin back, and what is in use is left alone.\n\n"
      "Examples:\n"
      "  hubcache cache rm acme/llm-7b --dry-run\n"
      "  hubcache cache rm dataset/acme/words acme/sd@v1.0 -y");
}

exit_code run(const cache_rm_arguments& typed, console& display) {
  const auto choose = [&typed](const hubcache::survey& cache, const std::stop_token&) {
    auto named = find_targets(cache.seen, typed.targets);
    chosen_removal result;
    result.what = plan_named_removal(cache.seen, cache.map, cache.book, std::move(named.chosen));
    result.warnings = std::move(named.unknown);
    if (!result.what.withheld.empty()) result.code = exit_code::other;
    return result;
  };
  return run_removal(typed, display, choose, "Nothing to delete.");
}

}  // namespace

void declare_cache_rm(CLI::App& group, invocation& chosen) {
  add_subcommand<cache_rm_arguments>(group, "rm", "Remove repos or revisions from the cache", chosen, declare,
                                     run);
}

}  // namespace command
