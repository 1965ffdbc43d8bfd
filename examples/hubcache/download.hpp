#pragma once
/// @file
/// `hubcache download`: runs one request, with progress, and prints the result.

#include <hubcache/plan/snapshot.hpp>

#include <string>
#include <string_view>

#include "console.hpp"
#include "download_options.hpp"
#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `app`.
void declare_download(CLI::App& app, invocation& chosen);

/// Throws if `file`, which will hold `what`, could not be written in the end: before anything is done for it.
void check_place_of(const std::string& file, std::string_view what);

/// Downloads on the calling thread. @throws hubcache::error
[[nodiscard]] hubcache::snapshot fetch(const download_request& request, console& display);

/// Downloads (or previews) on the calling thread and prints the result on stdout.
/// @throws hubcache::error
void download(download_request request, console& display);

}  // namespace command
