#!/usr/bin/env bash
# What hubcache costs those who compile it: time, memory and object size of one source file, beside <asio.hpp> alone.
# Prints the tables of docs/compile-times.md. Medians; each round compiles everything once, so that a machine that is
# busy for a while is so for all. What takes more than ten seconds varies little, and is compiled in the first round only.
#
# Usage: benchmarks/compile.sh [--rounds N] [COMPILER...]      N: 3; COMPILER: "g++ -O0", "g++ -O2" and "clang++-19 -O0"
#
# Needs benchmark_measure on PATH (benchmarks/run.sh compile sees to it). The first round takes some minutes.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)

rounds=3
if [[ ${1:-} == --rounds ]]; then
  rounds=${2:?--rounds needs a number}
  shift 2
fi
compilers=("$@")
if [[ $# -eq 0 ]]; then
  compilers=("g++ -O0" "g++ -O2")
  ! command -v clang++-19 >/dev/null || compilers+=("clang++-19 -O0")
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# In the order of the tables: a name, what stands for the headers, what more is defined, and the source.
readonly once=-DHUBCACHE_SEPARATE_COMPILATION
names=() folders=() defines=()
add_case() {
  printf '%s\n' "$4" >"$work/${#names[@]}.cpp"
  names+=("$1")
  folders+=("$2")
  defines+=("$3")
}
# The program that README.md shows.
program=$(awk '/^```cpp( |$)/ { code = 1; next } /^```$/ { if (code) exit } code' "$repo/README.md")
umbrella='#include <hubcache.hpp>'
add_case 'asio.hpp alone' include '' '#include <asio.hpp>'
add_case 'hubcache/fwd.hpp' include '' '#include <hubcache/fwd.hpp>'
add_case 'hubcache.hpp, compiled once' include "$once" "$umbrella"
add_case 'hubcache.hpp, header-only' include '' "$umbrella"
add_case "README's program, compiled once" include "$once" "$program"
add_case "README's program, header-only" include '' "$program"
add_case 'hubcache/src.hpp' include "$once" '#include <hubcache/src.hpp>'
add_case 'single include, compiled once' single_include "$once" "$umbrella"
add_case 'single include, header-only' single_include '' "$umbrella"
add_case 'single include, the bodies' single_include "$once" "#define HUBCACHE_IMPLEMENTATION
$umbrella"

# slow COMPILER CASE: it took more than ten seconds.
slow() {
  awk -F '\t' -v compiler="$1" -v i="$2" '$1 == compiler && $2 == i && $4 + $5 > 10 { found = 1 } END { exit !found }' \
    "$work/rows"
}

# compile COMPILER CASE: appends compiler, case, wall, user, system, peak RSS, anonymous memory, status, object size.
compile() {
  local object=$work/object command
  read -ra command <<<"$1"
  command+=(-std=c++20 -DASIO_STANDALONE -DASIO_HAS_STD_ALIGNED_ALLOC=1 "-I$repo/${folders[$2]}")
  [[ $1 != clang* ]] || command+=(-DASIO_HAS_CO_AWAIT=1)
  # shellcheck disable=SC2206  # none or one
  command+=(${defines[$2]} -c "$work/$2.cpp" -o "$object")
  rm -f "$work/line"
  benchmark_measure "$work/line" "${command[@]}"
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$(<"$work/line")" "$(size "$object" | awk 'NR == 2 { print $4 }')" >>"$work/rows"
}

touch "$work/rows"
for ((round = 1; round <= rounds; ++round)); do
  for i in "${!names[@]}"; do
    for compiler in "${compilers[@]}"; do
      ! slow "$compiler" "$i" || continue
      compile "$compiler" "$i"
      echo "round $round of $rounds: $compiler, ${names[i]}" >&2
    done
  done
done

for compiler in "${compilers[@]}"; do
  # shellcheck disable=SC2016  # Markdown
  printf '\n`%s` (%s), medians of %d; what takes more than ten seconds, once:\n\n' "$compiler" \
    "$("${compiler%% *}" --version | grep -om1 '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)" "$rounds"
  echo '| source file | wall s | CPU s | of asio.hpp | memory MiB | code and data KB |'
  echo '|---|---|---|---|---|---|'
  for i in "${!names[@]}"; do
    awk -F '\t' -v compiler="$compiler" -v i="$i" -v name="${names[i]}" '
      function median(v, n,   a, b, x) {
        for (a = 2; a <= n; ++a) for (b = a; b > 1 && v[b - 1] > v[b]; --b) { x = v[b]; v[b] = v[b - 1]; v[b - 1] = x }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
      }
      $1 == compiler && $2 == 0 { base[++bases] = $4 + $5 }
      $1 == compiler && $2 == i { wall[++n] = $3; cpu[n] = $4 + $5; memory[n] = $6; bytes = $9 }
      END {
        took = median(cpu, n)
        printf "| %s | %.2f | %.2f | %.2f | %.0f | %.0f |\n", name, median(wall, n), took, took / median(base, bases),
          median(memory, n) / 1024, bytes / 1000
      }' "$work/rows"
  done
done
