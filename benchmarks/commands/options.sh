# shellcheck shell=bash disable=SC2034,SC2154
# Options of `benchmarks/run.sh commands` and `hub`, and the folders they name.
#
#   --rounds N      rounds of each case (default 5); slow clients have less, see cases.sh
#   --quick         sizes divided by 10, 3 rounds
#   --smoke         sizes divided by 400, 1 round, and every file of every client compared: no figures worth reading
#   --divisor N     of all sizes (default 1: 9 GB to serve)
#   --bin DIR[:DIR] where hubcache, embedded-hub, benchmark_measure and benchmark_delay_proxy are (default: built now)
#   --site DIR      what is served, in memory; kept and used again when named (default: in /dev/shm, removed at the end)
#   --work DIR      where clients write (default: a new folder in TMPDIR); results.tsv stays there
#   --plot FILE     draw the wall times as SVG

# What parse_options sets; cases are the words that are left.
rounds=5 divisor=1 smoke="" bin="" site="" work="" plot="" hub="" cases=()
keep_site="" keep_work=""

parse_options() {
  while (($#)); do
    case $1 in
      --quick) divisor=10 rounds=3 ;;
      --smoke) divisor=400 rounds=1 smoke=yes ;;
      --rounds | --divisor | --bin | --site | --work | --plot)
        (($# > 1)) || { echo "$1 needs a value" >&2 && exit 2; }
        printf -v "${1#--}" '%s' "$2"
        shift
        ;;
      -*) echo "no such option: $1" >&2 && exit 2 ;;
      *) cases+=("$1") ;;
    esac
    shift
  done
}

prepare_folders() {
  if [[ -n $site ]]; then keep_site=yes; else site=$(mktemp -d /dev/shm/hubcache-site.XXXXXX); fi
  if [[ -n $work ]]; then keep_work=yes; else work=$(mktemp -d "${TMPDIR:-/tmp}/hubcache-bench.XXXXXX"); fi
  # In memory too: a server that waits for the disk that the clients write to would be measured with them.
  hub=$(mktemp -d /dev/shm/hubcache-hub.XXXXXX)
  mkdir -p "$work" "$site"
  work=$(cd "$work" && pwd) site=$(cd "$site" && pwd)
  PATH=$bin:$PATH:/usr/sbin # where nginx is
}

remove_folders() {
  rm -rf "$work/run" "$hub"
  [[ -n $keep_site ]] || rm -rf "$site"
  [[ -n $keep_work ]] || rm -rf "$work/npm"
}
