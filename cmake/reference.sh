#!/usr/bin/env bash
# Writes the API reference to build/reference/html and fails on any warning: what is public is documented.
# Usage: cmake/reference.sh
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/reference
rm -rf build/reference/html # pages of what is gone
doxygen docs/Doxyfile
echo "build/reference/html/index.html"
