#!/usr/bin/env bash
# Installs what is missing, builds the tests and runs them all.
#
# Usage: tests/run.sh [PRESET] [CTEST ARGUMENT...]      PRESET: dev (default), asan, ...
set -euo pipefail
cd "$(dirname "$0")/.."

preset=dev
if [[ $# -gt 0 && $1 != -* ]]; then
  preset=$1
  shift
fi

cmake/bootstrap.sh tests
cmake/build.sh "$preset"
ctest --preset "$preset" --no-tests=error "$@"
