#!/usr/bin/env bash
# Serves the Hub of the benchmarks until it is interrupted, and prints where.
#
# Usage: benchmarks/run.sh hub [--divisor N] [--bin DIR] [--site DIR] [--work DIR]      see commands/options.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/options.sh
source "$here/options.sh"
# shellcheck source=SCRIPTDIR/nginx_hub.sh
source "$here/nginx_hub.sh"
parse_options "$@"
prepare_folders
trap 'stop_hub; remove_folders' EXIT
trap 'exit 130' INT TERM
start_hub "$site" "$hub" "$divisor"
for network in "${!endpoint[@]}"; do echo "$network HF_ENDPOINT=${endpoint[$network]}"; done
echo "tls needs SSL_CERT_FILE=$hub/ca.pem"
echo "requests: $hub/requests.log"
echo "repos (id, commit, files, bytes):"
sed 's/^/  /' "$site/repos"
wait
