#pragma once
/// @file
/// What `cache rm`, `cache prune` and `cache gc` have in common: look, choose, show, ask, remove, report.

#include <hubcache/upkeep/survey.hpp>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "subcommand.hpp"

namespace command {

/// What a subcommand chose to remove.
struct chosen_removal {
  hubcache::removal what;
  std::vector<std::string> warnings;  ///< One sentence each.
  std::string refusal;                ///< One sentence, if not all that was asked for can be done.
  exit_code code = exit_code::ok;     ///< If all of `what` goes.
};

/// Looks at the cache and says what goes. Called on a thread of its own; may end early once stop is requested.
using removal_chooser = std::function<chosen_removal(const hubcache::survey&, const std::stop_token&)>;

/// Runs such a subcommand; `nothing` is printed if nothing goes. Cancelled by a signal.
[[nodiscard]] exit_code run_removal(const common_options& typed, console& display,
                                    const removal_chooser& choose, const std::string& nothing);

/// Now, in ns since 1970.
[[nodiscard]] std::int64_t now_ns();

}  // namespace command
