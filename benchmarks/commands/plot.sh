#!/usr/bin/env bash
# Draws the wall times of each case in relation to hubcache's.
#
# Usage: benchmarks/commands/plot.sh RESULTS.TSV OUT.SVG
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$(mktemp)
trap 'rm -f "$data"' EXIT
awk -v plot=1 -f "$here/report.awk" "$here/targets" "$1" >"$data"
gnuplot <<GNUPLOT
set terminal svg size 1100,480 font "sans-serif,12" background "white"
set output "$2"
set title "Wall time beside hubcache --fsync none (= 1), which verifies; lower is faster"
set logscale y
set yrange [0.1:*]
set ylabel "times hubcache"
set grid y
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set key outside right
set datafile missing "?"
set xtics nomirror
plot for [i = 2:8] "$data" using i:xtic(1) title columnheader(i)
GNUPLOT
