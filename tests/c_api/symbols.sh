#!/usr/bin/env bash
# The shared library exports the calls of its header and nothing else, and a C program that uses all of them needs no
# symbol of C++.
#
# Usage: symbols.sh LIBRARY HEADER PROGRAM
set -euo pipefail
library=$1 header=$2 program=$3

declared=$(grep -oE '\bhubcache_[a-z_]+\(' "$header" | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
needed=$(nm -D --undefined-only "$program" | awk '{ sub(/@.*/, "", $NF); print $NF }')

diff <(echo "$declared") <(echo "$exported") || { echo "declared and exported differ" >&2 && exit 1; }
if grep -E '^(_Z|__cxa_[^f]|__gxx)' <<<"$needed"; then
  echo "a C program needs symbols of C++" >&2
  exit 1
fi
missing=$(comm -23 <(echo "$declared") <(grep ^hubcache_ <<<"$needed" | sort))
[[ -z $missing ]] || { echo "every_call.c does not use: $missing" >&2 && exit 1; }
