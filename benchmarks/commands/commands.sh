#!/usr/bin/env bash
# Whole commands beside what a user would take instead, on one local server: prints medians and ratios.
#
# Usage: benchmarks/run.sh commands [OPTION...] [CASE...]      options: options.sh; cases: cases.sh (none = all)
#
# Exit codes: 0 done, 1 a client failed or left other files than the server has.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/options.sh
source "$here/options.sh"
# shellcheck source=SCRIPTDIR/nginx_hub.sh
source "$here/nginx_hub.sh"
# shellcheck source=SCRIPTDIR/namespace.sh
source "$here/namespace.sh"
# shellcheck source=SCRIPTDIR/clients.sh
source "$here/clients.sh"
# shellcheck source=SCRIPTDIR/measurement.sh
source "$here/measurement.sh"
# shellcheck source=SCRIPTDIR/cases.sh
source "$here/cases.sh"

parse_options "$@"
prepare_folders
mkdir -p "$work/run"
rm -f "$work/results.tsv"
# The server first: it uses the namespace's link, and the folder.
trap 'stop_hub; remove_far_namespace; remove_folders' EXIT
trap 'exit 130' INT TERM
# Nothing of the user's own set-up takes part.
for name in $(compgen -e | grep -E '^(HF_|HUGGING|XDG_CACHE_HOME$|https?_proxy$|HTTPS?_PROXY$|ALL_PROXY$|all_proxy$)'); do unset "$name"; done
export NO_PROXY='*' no_proxy='*' TERM=dumb
have_npm=""
if install_npm_client; then have_npm=yes; else echo "skipped: the npm client, which cannot be installed"; fi
[[ -n $smoke ]] || make_far_namespace
start_hub "$site" "$hub" "$divisor"
((${#cases[@]})) || cases=("${all_cases[@]}")

echo "$(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(findmnt -no FSTYPE -T "$work"), load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "sizes divided by $divisor, $rounds rounds; $(print_versions | paste -sd';' | sed 's/;/; /g')"
for case_name in "${cases[@]}"; do
  declare -F "case_${case_name//-/_}" >/dev/null || { echo "no such case: $case_name" >&2 && exit 2; }
  echo "$case_name ..." >&2
  "case_${case_name//-/_}"
done

if [[ -n $smoke ]]; then
  echo "$(wc -l <"$work/results.tsv") runs; ${failed:+not }all left the files that the server has"
else
  awk -f "$here/report.awk" "$here/targets" "$work/results.tsv"
fi
[[ -z $plot ]] || "$here/plot.sh" "$work/results.tsv" "$plot"
echo "rows: $work/results.tsv"
[[ -z $failed ]]
