#pragma once
/// @file
/// `hubcache download`: runs one request, with progress, and prints the result.

#include "console.hpp"
#include "download_options.hpp"
#include "subcommand.hpp"

namespace command {

/// Adds the subcommand to `app`.
void declare_download(CLI::App& app, invocation& chosen);

/// Downloads (or previews) on the calling thread and prints the result on stdout.
/// @throws hubcache::error
void download(download_request request, console& display);

}  // namespace command
