#!/usr/bin/env bash
# Installs @huggingface/hub, a client that is not ours, for the tests that run it beside hubcache.
#
# Usage: tests/interop/install.sh FOLDER      FOLDER: where it goes; once installed, this returns at once
#
# Exit codes: 0 it is there, 77 no npm, or its registry cannot be reached.
set -euo pipefail
folder=$1
client=@huggingface/hub@2.17.5

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "skipped: no node or npm"
  exit 77
fi

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9 # tests run side by side

# Installed once per version; the mark stands only when all of it is there.
installed="$folder/installed"
if [[ $(cat "$installed" 2>/dev/null) != "$client" ]]; then
  if ! npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund --omit=optional "$client"; then
    echo "skipped: npm cannot install $client"
    exit 77
  fi
  echo "$client" >"$installed"
fi
