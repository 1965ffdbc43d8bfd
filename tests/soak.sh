#!/usr/bin/env bash
# Everything at once, for some minutes: downloads of overlapping repos from a Hub whose answers go wrong at random, on a
# disk that is nearly full, while processes are killed and others remove, dedupe, prune, verify and rebuild. Then all
# that is left is hashed, by hubcache and by sha256sum and git, and what was pinned has to be there whole.
#
# Usage: tests/soak.sh [MINUTES [BIN]]      5 minutes; BIN: where embedded-hub and hubcache are (build/dev/bin)
#
# Exit codes: 0 not one byte lost, 1 something was; the folder is kept then.
set -euo pipefail
[[ -z ${2-} ]] || set -- "$1" "$(realpath "$2")"
cd "$(dirname "$0")/.."
minutes=${1:-5}
bin=$(realpath "${2:-build/dev/bin}")
readonly workers=6 repos=(acme/one acme/llm-7b acme/llm-7b-tuned acme/many acme/many-twin acme/parts acme/far
  runwayml/stable-diffusion-v1-5)
readonly pinned=acme/llm-7b

# As root, on a small file system that nobody else sees.
if [[ $EUID -eq 0 && ${SOAK_MOUNTS:-} != own ]]; then
  SOAK_MOUNTS=own exec unshare --mount tests/soak.sh "$minutes" "$bin"
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/hubcache-soak.XXXXXX")
mkdir "$home/hf" "$home/codes"
if [[ $EUID -eq 0 ]]; then
  mount -t tmpfs -o size=72m tmpfs "$home/hf"
else
  echo "not root: the disk is not made small"
fi
export HOME=$home HF_HOME=$home/hf HF_HUB_DOWNLOAD_TIMEOUT=5 HF_HUB_ETAG_TIMEOUT=5
unset HF_TOKEN HF_HUB_CACHE HF_HUB_OFFLINE HF_ENDPOINT

# serve OPTION...: starts the Hub and sets HF_ENDPOINT.
serve() {
  : >"$home/ready"
  "$bin/embedded-hub" --scenario bench:200 "$@" >"$home/ready" 2>>"$home/hub.log" &
  hub=$!
  until [[ -s $home/ready ]]; do sleep 0.05; done
  HF_ENDPOINT=$(sed -n 's/^endpoint=\([^ ]*\).*/\1/p' "$home/ready")
  export HF_ENDPOINT
}

# However this ends, nothing goes on without it.
hub=''
trap '[[ -z $hub ]] || kill "$hub"' EXIT

stop_serving() {
  kill "$hub"
  wait "$hub" || true
  hub=''
}

# did WHAT CODE: notes how a command ended.
did() { echo "$1 $2" >>"$home/codes/$BASHPID"; }

# One command; of downloads every third is killed.
run() {
  local what=$1 code=0 child err=$home/err.$BASHPID
  shift
  "$bin/hubcache" "$@" >/dev/null 2>"$err" &
  child=$!
  if [[ $what == download* && $((RANDOM % 3)) -eq 0 || $((RANDOM % 12)) -eq 0 ]]; then
    sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
    kill -KILL "$child" 2>/dev/null || true
  fi
  wait "$child" 2>/dev/null || code=$?
  # A crash, wrong usage, or what hubcache has no name for.
  if [[ $code -eq 2 || $code -eq 1 && $what == @(download|copies|local) || $code -gt 9 && $code -ne 137 ]]; then
    { echo "$what: exit code $code"; cat "$err"; } >>"$home/crashes"
  fi
  did "$what" "$code"
}

work() {
  local repo
  while ((SECONDS < end)); do
    repo=${repos[RANDOM % ${#repos[@]}]}
    case $((RANDOM % 20)) in
      0) run dedupe cache dedupe -y ;;
      1) run prune cache prune -y ;;
      2) run gc cache gc --max-size "$((20 + RANDOM % 40))M" -y ;;
      3 | 4) run rm cache rm "$repo" -y ;;
      5) run rebuild index rebuild ;;
      6) run verify cache verify ;;
      7) run copies download "$repo" -q --link copy ;;
      8) run local download "$repo" -q --local-dir "$home/hf/local-$((RANDOM % 2))" ;;
      9) rm -rf "$home/hf/local-0" "$home/hf/local-1" 2>/dev/null || true ;; # others write there
      *) run download download "$repo" -q ;;
    esac
  done
}

# Files in blobs/ whose bytes are not what their name says, by other programs than ours.
wrong_blobs() {
  local blob name sum
  find "$home/hf/hub" -path '*/blobs/*' -type f ! -name '*.incomplete' | while read -r blob; do
    name=${blob##*/}
    if [[ ${#name} -eq 64 ]]; then
      sum=$(sha256sum <"$blob")
    else
      sum=$(git hash-object --no-filters "$blob")
    fi
    [[ ${sum%% *} == "$name" ]] || echo "$blob"
  done
}

# whole REPO SNAPSHOT: whether all files are there with the Hub's bytes.
whole() { (cd "$2" && sha256sum --quiet --check "$home/site/manifests/$1" >&2); }

failed=0
fail() {
  echo "FAILED: $*"
  failed=1
}

serve --export "$home/site"
"$bin/hubcache" download "$pinned" -q >/dev/null
"$bin/hubcache" cache pin "$pinned" >/dev/null
stop_serving
serve --faults 40 --rate 20000000
echo "soaking for $minutes minutes, $workers at a time"
SECONDS=0
end=$((minutes * 60))
children=()
for ((i = 0; i < workers; ++i)); do
  work &
  children+=("$!")
done
for child in "${children[@]}"; do wait "$child" || fail "a worker ended before its time"; done
stop_serving

wrong=$(wrong_blobs)
lost=0
if [[ -n $wrong ]]; then
  fail "blobs that hold other bytes: $wrong"
  lost=$(tr '\n' '\0' <<<"$wrong" | xargs -0 stat -c %s | awk '{ sum += $1 } END { print sum }')
fi
"$bin/hubcache" cache verify || fail "cache verify"
"$bin/hubcache" index check || fail "index check"
if ! whole "$pinned" "$("$bin/hubcache" download "$pinned" -q --offline)"; then
  fail "$pinned was pinned and is not whole"
fi
[[ ! -s $home/crashes ]] || fail "$(cat "$home/crashes")"

serve
for repo in "${repos[@]}"; do
  "$bin/hubcache" cache gc --max-size 30M -y >/dev/null || true
  rm -rf "$home"/hf/local-*
  whole "$repo" "$("$bin/hubcache" download "$repo" -q)" || fail "$repo does not end whole"
done
"$bin/hubcache" cache prune -y --older-than 0 || fail "cache prune"
left=$(find "$home/hf" -name '*.incomplete' -o -name '*.tmp')
[[ -z $left ]] || fail "left behind: $left"
stop_serving

echo
echo "command  exit code  times"
cat "$home"/codes/* | sort | uniq -c | awk '{ printf "%-10s %5s %8d\n", $2, $3, $1 }'
awk '{ faults += $1 } END { print faults " answers went wrong" }' < <(sed -n 's/.* \([0-9]*\) faults$/\1/p' "$home/hub.log")
echo "$(cat "$home"/codes/* | wc -l) commands, $(cat "$home"/codes/* | grep -c ' 137$' || true) killed, $lost bytes lost"
if ((failed)); then
  # What was mounted is gone with this process.
  cp -a "$home/hf" "$home/kept" && echo "kept: $home"
  exit 1
fi
if [[ $EUID -eq 0 ]]; then umount "$home/hf"; fi
rm -rf "$home"
