#pragma once
/// @file
/// What `cache rm`, `cache prune` and `cache gc` have in common: look, choose, show, ask, remove, report.

#include <hubcache/upkeep/clean_up.hpp>

#include <functional>
#include <string>
#include <vector>

#include "subcommand.hpp"

namespace command {

/// The cache and what the ledger says of it.
struct cache_view {
  cache_view(hubcache::census census, hubcache::disk_map disk, hubcache::ledger_view ledger)
      : seen(std::move(census)), map(std::move(disk)), book(std::move(ledger)) {}

  hubcache::census seen;
  hubcache::disk_map map;
  hubcache::ledger_view book;
  std::vector<std::string> problems;  ///< Of the ledger; one sentence each.
};

/// What a subcommand chose to remove.
struct chosen_removal {
  hubcache::removal what;
  std::vector<std::string> warnings;  ///< One sentence each.
  bool all_asked_for = true;          ///< False if the user named something that must stay.
};

/// Runs such a subcommand. `choose` looks at the cache and says what goes; `nothing` is printed if that is nothing.
/// Cancelled by a signal.
[[nodiscard]] exit_code run_removal(const common_options& typed, console& display,
                                    const std::function<chosen_removal(const cache_view&)>& choose,
                                    const std::string& nothing);

/// Now, in ns since 1970.
[[nodiscard]] std::int64_t now_ns();

}  // namespace command
