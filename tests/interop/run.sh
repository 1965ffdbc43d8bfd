#!/usr/bin/env bash
# Lets a client that is not ours, @huggingface/hub from npm, and hubcache share one cache.
#
# Usage: tests/interop/run.sh EMBEDDED_HUB HUBCACHE FOLDER      FOLDER: where the client is installed
#
# Exit codes: 0 passed, 77 skipped (no npm, or its registry cannot be reached), others failed.
set -euo pipefail
hub=$1 hubcache=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)

"$here/install.sh" "$folder"
exec node "$here/interop.mjs" "$hub" "$hubcache" "$folder"
