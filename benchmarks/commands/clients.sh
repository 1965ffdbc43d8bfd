# shellcheck shell=bash disable=SC2034,SC2154
# What is measured: a client is a command with its environment. Reads `work`, `site`, `origin`, `repo`, `out`.

aria2c_options=() # besides those it always has
npm_package=@huggingface/hub@2.17.5
hide_sha_extensions=OPENSSL_ia32cap=:~0x20000000 # bit 29 of the second word: OpenSSL then has no SHA instructions

# Sets `command` and `environment` so that client $1 downloads `repo` from `origin` into `out`, which is there, empty.
choose_download() {
  environment=(HF_HOME="$out" HF_ENDPOINT="$origin" SSL_CERT_FILE="$hub/ca.pem" NODE_EXTRA_CA_CERTS="$hub/ca.pem")
  local ca=() curl_ca=() list=$work/run/$1.list
  [[ $origin != https:* ]] || ca=("--ca-certificate=$hub/ca.pem") curl_ca=(--cacert "$hub/ca.pem")
  case $1 in
    hubcache) command=(hubcache download "$repo" -q --fsync none) ;;
    hubcache-nosha) command=(hubcache download "$repo" -q --fsync none) && environment+=("$hide_sha_extensions") ;;
    hubcache-batch) command=(hubcache download "$repo" -q --fsync batch) ;;
    npm) command=(node "$here/npm_client.mjs" "$work/npm" "$origin" "$repo" "$out/hub") ;;
    curl)
      each_url 'url = "%s"\noutput = "'"$out"'/%s"\n' >"$list"
      command=(curl -sSfL --create-dirs --parallel --parallel-max 8 "${curl_ca[@]}" -K "$list")
      ;;
    aria2c)
      each_url '%s\n out=%s\n' >"$list"
      # falloc: its default writes zeros first.
      command=(aria2c -q -x16 -s16 -j8 "${aria2c_options[@]}" --file-allocation=falloc -d "$out" -i "$list" "${ca[@]}")
      ;;
    wget)
      each_url '%s\n' | cut -f1 >"$list"
      command=(wget -q -x -nH --cut-dirs=4 -P "$out" -i "$list" "${ca[@]}")
      ;;
    *) echo "no such client: $1" >&2 && return 2 ;;
  esac
}

commit_of() { awk -v id="$1" '$1 == id { print $2 }' "$site/repos"; }
files_of() { awk -v id="$1" '$1 == id { print $3 }' "$site/repos"; }
bytes_of() { awk -v id="$1" '$1 == id { print $4 }' "$site/repos"; }
paths_of() { cut -c67- "$site/manifests/$1"; }

# Prints each file of `repo` as printf does $1 with its URL, and its path if there is a second place for it.
each_url() {
  paths_of "$repo" | awk -v form="$1" -v base="$origin/$repo/resolve/$(commit_of "$repo")/" '{ printf form, base $0, $0 }'
}

# Compares the files below folder $2 with those of repo $1 that the Hub has.
same_files() {
  local have
  have=$(cd "$2" && paths_of "$1" | tr '\n' '\0' | xargs -0 openssl dgst -sha256 -r | sed 's/ \*/  /') || return 1
  [[ $have == "$(<"$site/manifests/$1")" ]]
}

install_npm_client() {
  command -v npm >/dev/null || return 1
  [[ $(cat "$work/npm/installed" 2>/dev/null) == "$npm_package" ]] && return
  mkdir -p "$work/npm"
  npm install --prefix "$work/npm" --no-save --no-package-lock --no-audit --no-fund --omit=optional --silent \
    "$npm_package" >/dev/null && echo "$npm_package" >"$work/npm/installed"
}

# A program that does nothing, with all libraries that hubcache has.
make_empty_program() {
  echo 'int main() {}' | "${CXX:-c++}" -O2 -x c++ - -o "$work/run/empty" -Wl,--no-as-needed -lssl -lcrypto -lsimdjson \
    -lxxhash -lpthread
}

print_versions() {
  hubcache --version
  curl --version | head -1 | cut -d' ' -f1,2
  aria2c --version | head -1
  wget --version | head -1 | cut -d' ' -f1-3
  openssl version | cut -d' ' -f1,2
  sha256sum --version | head -1
  [[ -z $have_npm ]] || echo "$npm_package, node $(node --version)"
  nginx -v 2>&1 | sed 's/.*: //'
}
