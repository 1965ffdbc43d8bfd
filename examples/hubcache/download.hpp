#pragma once
/// @file
/// `hubcache download`: runs one request, with progress, and prints the result.

#include <hubcache/plan/snapshot.hpp>

#include "console.hpp"
#include "download_options.hpp"
#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `app`.
void declare_download(CLI::App& app, invocation& chosen);

/// Downloads on the calling thread. @throws hubcache::error
[[nodiscard]] hubcache::snapshot fetch(const download_request& request, console& display);

/// Downloads (or previews) on the calling thread and prints the result on stdout.
/// @throws hubcache::error
void download(download_request request, console& display);

}  // namespace command
