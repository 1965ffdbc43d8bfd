#!/usr/bin/env bash
# Shows what hubcache does: repos that share content are fetched, then asked for again. Installs what is missing,
# builds the command, and works in a temporary HF_HOME.
#
# Usage: examples/demo.sh [--keep]                           an embedded Hub on this machine with two made-up repos
#        examples/demo.sh [--keep] --hub URL REPO [REPO...]  a real Hub: its repos, at their real sizes
#
#   --keep   leave the files in place and tell where they are
#
# Exit codes: 0 all that it claims was seen, 1 something was not, 2 usage.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  sed -n '5,6s/^# //p' "$0" >&2
  exit 2
}

keep=0 hub='' repos=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --keep) keep=1 ;;
    --hub)
      [[ -n ${2:-} ]] || usage
      hub=$2
      shift
      ;;
    -*) usage ;;
    *) repos+=("$1") ;;
  esac
  shift
done
embedded=0
if [[ -z $hub ]]; then
  [[ ${#repos[@]} -eq 0 ]] || usage
  embedded=1 repos=(runwayml/stable-diffusion-v1-5 CompVis/stable-diffusion-v1-4)
fi
[[ ${#repos[@]} -gt 0 ]] || usage
last=${repos[-1]}

work=$(mktemp -d "${TMPDIR:-/tmp}/hubcache-demo.XXXXXX")
home=$work/home mapping=$work/mapping.json hub_pid='' runs=0 failed=0

finish() {
  [[ -z $hub_pid ]] || stop_hub
  if ((keep)); then
    printf '\nKept: HF_HOME=%s\n' "$home"
  else
    rm -rf "$work"
  fi
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- Output ---------------------------------------------------------------------------------------------------

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

title() { printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"; }

# Aligns lines of tab-separated cells, the first line the heads: columns that begin with numbers to the right.
table() {
  awk -F '\t' '
    { for (i = 1; i <= NF; ++i) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
    END { for (row = 1; row <= NR; ++row) {
            line = sprintf("  %-" width[1] "s", cell[row, 1])
            for (i = 2; i <= NF; ++i)
              line = line sprintf("   %" (cell[2, i] ~ /^[0-9]/ ? "" : "-") width[i] "s", cell[row, i])
            sub(/ +$/, "", line)
            print line } }'
}

# check 'CLAIM' CONDITION...: prints whether the claim holds; the condition as `test` takes it.
check() {
  local claim=$1
  shift
  if test "$@"; then
    printf '  yes  %s\n' "$claim"
  else
    printf '  NO   %s\n' "$claim"
    failed=1
  fi
}

# Evaluates functions of demo.jq over all runs so far.
tell() { jq -rs -L examples "include \"demo\"; $*" "$work"/run.*.json; }

# ---- The Hub --------------------------------------------------------------------------------------------------

start_hub() {
  : >"$work/ready"  # of a Hub before
  build/release/bin/embedded-hub --scenario sd --total-bytes 300000000 >"$work/ready" 2>"$work/served" &
  hub_pid=$!
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    hub=$(sed -n 's/^endpoint=\([^ ]*\).*/\1/p' "$work/ready")
    [[ -z $hub ]] || return 0
    kill -0 "$hub_pid" || break
    sleep 0.1
  done
  cat "$work/served" >&2
  echo "The embedded Hub did not start." >&2
  return 1
}

stop_hub() {
  kill "$hub_pid" || true
  wait "$hub_pid" || true
  hub_pid=''
}

# ---- A run ----------------------------------------------------------------------------------------------------

disk_used() { du -s --block-size=1 "$home" | cut -f 1; }
disk_free() {
  sync -f "$home"
  echo $(($(stat -f -c '%S * %f' "$home")))
}

# run NAME FIRST ARGUMENT...: downloads and keeps the report for `tell`.
run() {
  local name=$1 first=$2 before log=/dev/stderr
  shift 2
  [[ -t 2 ]] || log=$work/log  # progress is for terminals
  before=$(disk_used)
  if ! build/release/bin/hubcache download "$@" --json --cache-mapping "$mapping" >"$work/report" 2>"$log"; then
    [[ -t 2 ]] || cat "$log" >&2
    exit 1
  fi
  runs=$((runs + 1))
  jq --arg name "$runs  $name" --argjson first "$first" --argjson disk $(($(disk_used) - before)) \
    '. + {name: $name, first: $first, disk: $disk}' "$work/report" >"$work/run.$runs.json"
  requests=$(jq .requests "$work/report") commit=$(jq -r .commit "$work/report") path=$(jq -r .path "$work/report")
}

# ---- Whole pipelines ------------------------------------------------------------------------------------------

# Fetches the repos as pipelines, in one plan, into a cache of its own; tells before what they share.
fetch_pipelines() {
  local pipelines=(env HF_HOME="$work/pipelines" HF_ENDPOINT="$hub" build/release/bin/hubcache pipeline "${repos[@]}")
  title "What they share as pipelines: hubcache pipeline ${repos[*]} --dry-run"
  "${pipelines[@]}" --dry-run | sed -n '/ BUT FOR$/,$ { /^\//d; /./s/^/  /; p }' | sed '$d'
  "${pipelines[@]}" --json >"$work/pipelines.json" 2>"$work/log" || { cat "$work/log" >&2 && exit 1; }
}

# ---- The demo -------------------------------------------------------------------------------------------------

title "Building hubcache"
cmake/bootstrap.sh demo
cmake/build.sh release hubcache_command embedded-hub

# Nothing of the user's settings, but for the token of a real Hub.
for name in "${!HF_@}" "${!HUBCACHE_@}" HUGGINGFACE_HUB_CACHE; do
  [[ $name == HF_TOKEN && $embedded -eq 0 ]] || unset "$name"
done
mkdir "$home"
export HF_HOME=$home HOME=$home  # what other tools keep on this machine stays out of it

if ((embedded)); then
  export NO_PROXY='*'
  start_hub
  fetch_pipelines
  stop_hub  # the next one counts from zero
  start_hub
fi
export HF_ENDPOINT=$hub
title "Downloading ${repos[*]} from $hub"

free=$(disk_free)
for repo in "${repos[@]}"; do run "$repo" true "$repo"; done
snapshot=$path
used=$(disk_used) gone=$((free - $(disk_free)))
run "the last again, by branch" false "$last"
by_branch=$requests
run "again, by commit" false "$last" --revision "$commit"
by_commit=$requests
if ((embedded)); then stop_hub; fi
run "again, --offline" false "$last" --offline
tell runs_table | table

for repo in "${repos[@]}"; do
  title "How $repo came"
  tell "ways_table(\"$repo\")" | table
done

title "The disk"
tell "disk_table($used; $gone; \"$(stat -f -c %T "$home")\")" | table

title "The cache mapping (--cache-mapping), $(jq length "$mapping") entries, the first three"
jq -r --arg home "$home" 'to_entries[:3][] | "  \"\(.key[:16])...\": \"\(.value | sub($home; "$HF_HOME"))\""' "$mapping"

title "What was to be shown"
again=$(tell '[shared[] | select(.action == "fetched")] | bytes')
check "of $(tell 'shared | bytes | size') that an earlier repo had brought, $again bytes were fetched again" "$again" -eq 0
if ((embedded)); then
  own=$(jq -r '.repos[1].files[] | select(.action == "fetched" and .size >= 65536) | .path' "$work/pipelines.json")
  check "as pipelines in one plan, the second fetched only $own and small files" \
    "$own" = unet/diffusion_pytorch_model.safetensors
fi
check "asking again by branch: $by_branch request" "$by_branch" -eq 1
check "asking again by commit: $by_commit requests" "$by_commit" -eq 0
check "offline$( ((embedded)) && echo ', the Hub stopped'): $requests requests, the same snapshot" "$requests$path" = "0$snapshot"
tell checksums >"$work/checksums"
check "sha256sum agrees with the Hub's hashes of $(wc -l <"$work/checksums") large files" \
  -z "$(sha256sum --quiet -c "$work/checksums" 2>&1)"
if ((embedded)); then
  # The Hub's own count: "WHERE: N requests, N content GETs, N content bytes, ..."
  served=$(awk '{ requests += $2; bytes += $7 } END { print requests, bytes }' "$work/served")
  check "the Hub itself counted ${served% *} requests and ${served#* } bytes of content: so did hubcache" \
    "$served" = "$(tell '"\(map(.requests) | add) \(map(.bytes_fetched) | add)"')"
fi

echo
if ((failed)); then
  echo "Not all of it holds: see above." >&2
else
  tell "conclusion($used)" | fold -s -w 110 | sed 's, *$,,'
fi
test "$failed" -eq 0
