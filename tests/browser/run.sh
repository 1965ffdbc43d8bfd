#!/usr/bin/env bash
# Looks at the page of `hubcache cache report` in a headless Chromium.
#
# Usage: tests/browser/run.sh HUBCACHE FOLDER      FOLDER: where the pictures of the page go
#
# Exit codes: 0 passed, 77 skipped (no node or no Chromium), others failed.
set -euo pipefail
hubcache=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if ! command -v node >/dev/null || [[ -z $browser ]]; then
  echo "skipped: no node or no Chromium"
  exit 77
fi

mkdir -p "$folder"
exec node "$here/cache_report.mjs" "$hubcache" "$browser" "$folder"
