#!/usr/bin/env bash
# Builds the benchmarks, optimised, and runs one.
#
# Usage: benchmarks/run.sh kernels|index|census [ARGUMENT...]      see the head of benchmarks/NAME.cpp
#        benchmarks/run.sh commands [OPTION...] [CASE...]          whole commands beside their peers: commands/options.sh
#        benchmarks/run.sh hub [OPTION...]                         their local Hub alone, until it is interrupted
#        benchmarks/run.sh compile [OPTION...] [COMPILER...]       what including hubcache costs: compile.sh
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?kernels, index, census, commands, hub or compile}
shift
case $name in
  commands | hub)
    if [[ " $* " != *" --bin "* ]]; then
      cmake/bootstrap.sh bench
      cmake/build.sh release hubcache embedded-hub
      cmake/build.sh bench benchmark_measure benchmark_delay_proxy
      set -- --bin "$PWD/build/release/bin:$PWD/build/bench/bin" "$@"
    fi
    exec "benchmarks/commands/$name.sh" "$@"
    ;;
  compile)
    cmake/bootstrap.sh bench
    cmake/build.sh bench benchmark_measure
    PATH=$PWD/build/bench/bin:$PATH exec benchmarks/compile.sh "$@"
    ;;
  *)
    cmake/bootstrap.sh bench
    cmake/build.sh bench "benchmark_$name"
    exec "build/bench/bin/benchmark_$name" "$@"
    ;;
esac
