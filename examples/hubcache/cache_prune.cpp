#include "cache_prune.hpp"

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/store/ledger.hpp>

#include <stop_token>
#include <string>

#include "cache_removal.hpp"
#include "quantities.hpp"

namespace command {

namespace {

struct cache_prune_arguments : common_options {
  std::string older_than = "24h";
};

void declare(CLI::App& app, cache_prune_arguments& into) {
  app.add_option("--older-than", into.older_than,
                 "How long an incomplete file that a download could resume stays, as in 12h or 7d (s, m, h, "
                 "d, w, mo, y); 0: not at all, unless a download works on it")
      ->type_name("DURATION")
      ->capture_default_str();
  declare_common(app, into);
  declare_destructive(app, into);
  app.footer(
      "Examples:\n"
      "  hubcache cache prune --dry-run\n"
      "  hubcache cache prune --older-than 7d -y");
}

/// Removes what processes that were killed left in hubcache's own folder.
void sweep_state(const std::string& state_dir) {
  hubcache::ledger(state_dir).sweep(now_ns());
  hubcache::mapped_index(state_dir + "/index").sweep();
}

exit_code run(const cache_prune_arguments& typed, console& display) {
  hubcache::leftover_rule rule;
  rule.resumable_for = parse_exact_duration(typed.older_than);
  const auto choose = [&rule](const hubcache::survey& cache, const std::stop_token&) {
    rule.now_ns = now_ns();
    chosen_removal result;
    result.what = plan_prune(cache.seen, cache.map, cache.book, rule);
    return result;
  };
  const auto code = run_removal(typed, display, choose,
                                "No unreferenced revisions or incomplete files found. Nothing to prune.");
  if (!typed.dry_run) sweep_state(settings_of(typed).state_dir);
  return code;
}

}  // namespace

void declare_cache_prune(CLI::App& group, invocation& chosen) {
  add_subcommand<cache_prune_arguments>(group, "prune",
                                        "Remove revisions that no ref names, and what downloads left over",
                                        chosen, declare, run);
}

}  // namespace command
