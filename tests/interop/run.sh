#!/usr/bin/env bash
# Lets a client that is not ours, @huggingface/hub from npm, and hubcache share one cache.
#
# Usage: tests/interop/run.sh EMBEDDED_HUB HUBCACHE FOLDER      FOLDER: where the client is installed
#
# Exit codes: 0 passed, 77 skipped (no npm, or its registry cannot be reached), others failed.
set -euo pipefail
hub=$1 hubcache=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)
client=@huggingface/hub@2.17.5

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "skipped: no node or npm"
  exit 77
fi

# Installed once per version; the mark stands only when all of it is there.
installed="$folder/installed"
if [[ $(cat "$installed" 2>/dev/null) != "$client" ]]; then
  mkdir -p "$folder"
  if ! npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund --omit=optional "$client"; then
    echo "skipped: npm cannot install $client"
    exit 77
  fi
  echo "$client" >"$installed"
fi

exec node "$here/interop.mjs" "$hub" "$hubcache" "$folder"
