#pragma once
/// @file
/// `hubcache download`: runs one request, with progress, and prints the result.

#include "console.hpp"
#include "download_options.hpp"

namespace command {

/// Ends the process with exit code 130 at SIGINT or SIGTERM. While a download runs, the first signal cancels
/// it cleanly and the second one does this.
void exit_at_signals();

/// Downloads (or previews) on the calling thread and prints the result on stdout.
/// @throws hubcache::error
void download(download_request request, console& display);

}  // namespace command
