#!/usr/bin/env bash
# Builds the benchmarks, optimised, and runs one.
#
# Usage: benchmarks/run.sh kernels|index|census [ARGUMENT...]      see the head of benchmarks/NAME.cpp
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?kernels, index or census}
shift
cmake/bootstrap.sh bench
cmake/build.sh bench "benchmark_$name"
exec "build/bench/bin/benchmark_$name" "$@"
