#pragma once
/// @file
/// `hubcache completion SHELL`, and what its scripts ask for: the words that may come next on a command line.
///
/// The scripts know nothing of the commands. At each TAB they run `hubcache complete WORD...`, so they never fall behind
/// the binary.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "subcommand.hpp"

namespace command {

/// The first word of a command line that a completion script sends.
inline constexpr std::string_view completion_request = "complete";

/// Adds the subcommand that prints the script for a shell.
void declare_completion(CLI::App& app, invocation& chosen);

/// What may stand in the place of the last of `words`: lines of "WORD<tab>DESCRIPTION", or ":file" or ":directory"
/// where the shell is to offer paths. `repos` is called only where a repo may stand.
[[nodiscard]] std::string completions_of(const CLI::App& app, std::vector<std::string> words,
                                         const std::function<std::vector<std::string>()>& repos);

/// The repos in a Hub cache as the command line names them: "owner/name", "hf://datasets/owner/name". Reads one folder.
[[nodiscard]] std::vector<std::string> cached_repos(const std::string& cache_dir);

}  // namespace command
