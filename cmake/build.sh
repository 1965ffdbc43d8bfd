#!/usr/bin/env bash
# Configures and builds a preset with as many jobs as this machine has cores and memory for.
#
# Usage: cmake/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift

cores=$(nproc)
# A compiler takes up to 2 GB for the larger files, more with sanitizers.
room=$(awk '/^MemAvailable:/ { print int($2 / 2000000) }' /proc/meminfo)
jobs=$((room < 1 ? 1 : room < cores ? room : cores))

cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$jobs" ${1:+--target "$@"}
