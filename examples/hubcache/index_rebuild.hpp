#pragma once
/// @file
/// `hubcache index rebuild`.

#include <hubcache/upkeep/rebuild.hpp>

#include <CLI/CLI.hpp>

#include <string>

#include "subcommand.hpp"

namespace command {

/// Declares it in the group `index`.
void declare_index_rebuild(CLI::App& index, invocation& chosen);

/// The lines for people.
[[nodiscard]] std::string text_of(const hubcache::rebuild_report& report);
[[nodiscard]] std::string json_of(const hubcache::rebuild_report& report, const std::string& index_folder);

}  // namespace command
