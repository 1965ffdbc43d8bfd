# shellcheck shell=bash disable=SC2034,SC2154
# The cases: each is a function case_NAME (with _ for -) that writes rows.

all_cases=(shards one one-tls small sd second third third-small linked-small verify rtt20 rtt100 capped tbf)

# --- A repo, nothing there yet ---------------------------------------------------------------------------------------

# cold NETWORK REPO CLIENT...
cold() {
  origin=${endpoint[$1]} repo=$2
  shift 2
  in_rounds cold_step "$@"
  discard "$work/run"/*/
}

cold_step() {
  fresh_out "$1"
  choose_download "$1"
  touch_memory
  measure "$1" "$2" "$(bytes_of "$repo")" || return 0
  check_files "$1" "$2"
  [[ $1 == curl ]] && hash_step "$2"
  discard "$out"
}

# What verifying afterwards would take: of the files that curl has just written.
hash_step() {
  local tool
  paths_of "$repo" | sed "s|^|$out/|" | tr '\n' '\0' >"$work/run/paths"
  for tool in "${hash_after[@]}"; do
    (($1 <= $(rounds_of "$case_name" "$tool"))) || continue
    command=(xargs -0 -a "$work/run/paths" openssl dgst -sha256) environment=()
    case $tool in
      sha256sum) command=("${command[@]:0:4}" sha256sum) ;;
      *-nosha) environment=("$hide_sha_extensions") ;;
    esac
    measure "$tool" "$1" "$(bytes_of "$repo")" || true
  done
}

hash_after=() # tools run over the files that curl has just written
hashed() {
  hash_after=(sha256sum openssl openssl-nosha)
  "$@"
  hash_after=()
}

case_shards() { hashed cold plain acme/llm-7b hubcache hubcache-batch curl aria2c wget npm; }
case_one() { hashed cold plain acme/one hubcache hubcache-batch hubcache-nosha curl aria2c wget npm; }
case_one_tls() { hashed cold tls acme/one hubcache curl aria2c wget; }
case_small() { hashed cold plain acme/many hubcache hubcache-batch curl aria2c wget npm; }
case_sd() { hashed cold plain runwayml/stable-diffusion-v1-5 hubcache hubcache-batch curl aria2c wget npm; }

# --- Slow networks ---------------------------------------------------------------------------------------------------

# aria2c splits no file into parts below 20 MB unless it is told to.
slow() {
  aria2c_options=(-k1M)
  cold "$1" acme/far hubcache curl aria2c
  aria2c_options=()
}

case_rtt20() { slow rtt20; }
case_rtt100() { slow rtt100; }
case_capped() { slow capped; }

case_tbf() {
  [[ -n ${endpoint[tbf]:-} ]] || { echo "skipped: tbf, which needs root and network namespaces" && return; }
  prefix=(ip netns exec "$far_namespace")
  slow tbf
  prefix=()
}

# --- A second repo that shares 89 % of its bytes with the first ------------------------------------------------------

case_second() {
  origin=${endpoint[plain]}
  in_rounds second_step hubcache npm curl
  discard "$work/run"/*/
}

second_step() {
  fresh_out "$1"
  if [[ $1 != curl ]]; then
    repo=acme/llm-7b && choose_download "$1"
    touch_memory
    measure "$1-first" "$2" "$(bytes_of "$repo")" || return 0
    sync -f "$work"
  fi
  repo=acme/llm-7b-tuned && choose_download "$1"
  touch_memory
  measure "$1" "$2" "$(bytes_of "$repo")" || return 0
  check_files "$1" "$2"
  discard "$out"
}

# --- All of it there already -----------------------------------------------------------------------------------------

# warm REPO REPETITIONS: hubcache and the npm client, which finds a copy of hubcache's cache.
warm() {
  origin=${endpoint[plain]} repo=$1 repetitions=$2
  make_empty_program
  fresh_out hubcache
  choose_download hubcache
  env "${environment[@]}" "${command[@]}" >/dev/null
  rm -rf "$work/run/npm"
  cp -a "$out" "$work/run/npm"
  in_rounds warm_step empty hubcache-pinned hubcache-branch hubcache-offline npm
  discard "$work/run"/*/
}

warm_step() {
  local n times=$repetitions
  out=$work/run/${1%%-*}
  [[ $1 == empty ]] || choose_download "${1%%-*}"
  case $1 in
    empty) command=("$work/run/empty") environment=() ;;
    hubcache-pinned) command+=(--revision "$(commit_of "$repo")") ;;
    hubcache-offline) command+=(--offline) ;;
    npm) times=1 ;;
  esac
  for ((n = 0; n < times; ++n)); do measure "$1" "$2" "$(bytes_of "$repo")" || return 0; done
  [[ $1 == empty ]] || check_files "$1" "$2"
}

case_third() { warm runwayml/stable-diffusion-v1-5 "$([[ -n $smoke ]] && echo 1 || echo 5)"; }
case_third_small() { warm acme/many 1; }

# --- Small files that another repo has -------------------------------------------------------------------------------

case_linked_small() {
  origin=${endpoint[plain]}
  in_rounds linked_step hubcache curl hard-links
  discard "$work/run"/*/
}

linked_step() {
  fresh_out "$1"
  if [[ $1 != curl ]]; then
    repo=acme/many && choose_download hubcache
    env "${environment[@]}" "${command[@]}" >/dev/null
    sync -f "$work"
  fi
  repo=acme/many-twin
  if [[ $1 == hard-links ]]; then
    command=(cp -rl "$out/hub/models--acme--many/blobs" "$out/linked") environment=()
  else
    choose_download "$1"
  fi
  touch_memory
  measure "$1" "$2" "$(bytes_of "$repo")" || return 0
  [[ $1 == hard-links ]] || check_files "$1" "$2"
  discard "$out"
}

# --- Is what is there still what it was? -----------------------------------------------------------------------------

case_verify() {
  origin=${endpoint[plain]} repo=acme/parts
  fresh_out cache
  choose_download hubcache
  env "${environment[@]}" "${command[@]}" >"$work/run/stdout"
  paths_of "$repo" | sed "s|^|$(<"$work/run/stdout")/|" | tr '\n' '\0' >"$work/run/paths"
  in_rounds verify_step hubcache sha256sum openssl hubcache-nosha openssl-nosha
  discard "$work/run"/*/
}

verify_step() {
  environment=(HF_HOME="$out")
  [[ $1 != *-nosha ]] || environment+=("$hide_sha_extensions")
  local each=(xargs -0 -a "$work/run/paths" -P "$(nproc)" -n 25)
  case $1 in
    hubcache*) command=(hubcache cache verify -q) ;;
    sha256sum) command=("${each[@]}" sha256sum) ;;
    openssl*) command=("${each[@]}" openssl dgst -sha256) ;;
  esac
  measure "$1" "$2" "$(bytes_of "$repo")" || true
}
