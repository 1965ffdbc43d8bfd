#!/usr/bin/env bash
# Builds the fuzz targets of this folder with libFuzzer and the address and undefined-behaviour sanitizers, and runs
# each for a while, as many at a time as there are cores. What a target reaches stays in build/fuzz/inputs/TARGET from
# run to run. An input that ends it is build/fuzz/findings/TARGET-*: mend the product, and add the input to
# corpus/TARGET.
#
# Usage: tests/fuzz/run.sh [--keep] [SECONDS] [TARGET...]      10 seconds each, and all of them, if not said
#        --keep   add the small inputs that reach new code, as few as do, to corpus/TARGET
#
# Exit codes: 0 nothing found, else something found.
set -euo pipefail
cd "$(dirname "$0")/../.."

export keep=0
if [[ ${1-} == --keep ]]; then
  keep=1
  shift
fi
export seconds=${1:-10}
shift $(($# > 0))
targets=("$@")
if ((${#targets[@]} == 0)); then
  for source in tests/fuzz/corpus/*/; do targets+=("$(basename "$source")"); done
fi

cmake/build.sh fuzz "${targets[@]/#/fuzz_}"
export build=build/fuzz
mkdir -p "$build/findings"
# Those that write files do it in memory.
[[ ! -w /dev/shm ]] || export TMPDIR=/dev/shm

# fuzz TARGET: one line of the table.
fuzz() {
  local name=$1 log=$build/findings/$1.log started=$SECONDS found=0
  # Far above what any input should take.
  local limits=(-timeout=10 -rss_limit_mb=1024 -max_len=65536)
  mkdir -p "$build/inputs/$name"
  "$build/tests/fuzz/fuzz_$name" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 \
    -artifact_prefix="$build/findings/$name-" "$build/inputs/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1 || found=1
  printf '| %s | %s | %s | %s |\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    $((SECONDS - started)) "$found"
  if ((keep)); then
    "$build/tests/fuzz/fuzz_$name" "${limits[@]}" -set_cover_merge=1 -max_len=256 "tests/fuzz/corpus/$name" \
      "$build/inputs/$name" >"$build/findings/$name.merge.log" 2>&1
  fi
  return "$found"
}
export -f fuzz

printf '| target | executions | seconds | findings |\n|---|---:|---:|---:|\n'
# shellcheck disable=SC2016  # the inner shell's
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I NAME bash -c 'fuzz "$1"' fuzz NAME
