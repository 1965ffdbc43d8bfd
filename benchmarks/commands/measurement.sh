# shellcheck shell=bash disable=SC2034,SC2154
# Rounds and rows: which client runs when, and what is written of it.

failed=""
prefix=() # before each client: a network namespace

# Calls `step CLIENT ROUND` for each of $@ in each round, in a new order each time, so that nobody always comes after the
# same one; the orders are those of every other run.
in_rounds() {
  local step=$1 round client keyed order
  shift
  for ((round = 1; round <= rounds; ++round)); do
    RANDOM=$round keyed=()
    for client; do keyed+=("$RANDOM $client"); done
    mapfile -t order < <(printf "%s\n" "${keyed[@]}" | sort -n | cut -d" " -f2)
    for client in "${order[@]}"; do
      [[ $client != npm || -n $have_npm ]] || continue
      ((round <= $(rounds_of "$case_name" "$client"))) || continue
      "$step" "$client" "$round"
    done
  done
}

# Fewer where a client is slow and no target names it.
rounds_of() {
  local most=$rounds
  case $1/$2 in
    small/npm | one/hubcache-batch | one*/aria2c | one*/wget | one*/npm | one*/sha256sum) most=2 ;;
    small/aria2c | one*/*-nosha | rtt100/curl | capped/curl) most=3 ;;
  esac
  echo $((rounds < most ? rounds : most))
}

# Removes folders. Those of many files only at the very end: for minutes after, ext4 looks past every inode that was freed,
# one by one, and who creates files then pays for what others removed.
discard() {
  local folder
  if [[ $case_name != *small* ]]; then rm -rf "$@" && return; fi
  for folder; do
    [[ ! -e $folder ]] || mv "$folder" "$(mktemp -d "$work/run/.later.XXXXXX")"
  done
}

# In a virtual machine, memory that was free for seconds may have gone back to the host, and who takes it first then pays
# for getting it again: here nobody that is measured does. Takes what `repo` will, and lets go of it.
touch_memory() {
  head -c "$(bytes_of "$repo")" /dev/zero | dd of="$work/run/.memory" bs=1M iflag=fullblock status=none
  rm "$work/run/.memory"
}

# A new folder for client $1, and nothing left to write from before.
fresh_out() {
  out=$work/run/$1
  discard "$out"
  mkdir -p "$out"
  sync -f "$work"
}

# measure CLIENT ROUND BYTES: runs `command` in `environment` and writes its row:
# case, client, round, wall s, user s, system s, peak RSS KiB, peak RssAnon KiB, requests, bytes sent, BYTES of content.
measure() {
  local line=$work/run/line
  rm -f "$line"
  mark_log "$hub"
  if "${prefix[@]}" env "${environment[@]}" benchmark_measure "$line" "${command[@]}" >"$work/run/stdout" 2>"$work/run/stderr"; then
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$case_name" "$1" "$2" "$(cut -f1-5 "$line")" "$(traffic_since_mark "$hub")" "$3" \
      >>"$work/results.tsv"
    return
  fi
  failed=yes
  echo "FAILED: $case_name, $1, round $2: ${command[*]}" >&2
  tail -3 "$work/run/stderr" >&2
  return 1
}

# Whether client $1 left what the Hub has: in the folder it printed, or in `out`. Every time in a smoke test, otherwise once.
check_files() {
  local folder=$out
  [[ -n $smoke || $2 == 1 ]] || return 0
  case $1 in hubcache* | npm) folder=$(tail -1 "$work/run/stdout") ;; esac
  same_files "$repo" "$folder" && return
  failed=yes
  echo "DIFFERENT FILES: $case_name, $1, round $2: $folder" >&2
}
