#!/usr/bin/env bash
# Installs what hubcache needs and this machine lacks, through the system's package manager. It looks for
# commands and headers, not for packages: what is there some other way stays as it is, and a second run does
# nothing.
#
# Usage: cmake/bootstrap.sh [demo] [tests] [bench] [ci]      what to prepare for, besides building
#
# Exit codes: 0 all is there, 1 an installation failed, 2 something is missing that this script cannot install.
set -euo pipefail
PATH=$PATH:/usr/sbin # where servers are

# For     kind     what to look for   Debian, Ubuntu        Fedora         Arch
requirements() {
  cat <<'TABLE'
build     command  c++                g++                   gcc-c++        gcc
build     command  cmake              cmake                 cmake          cmake
build     command  ninja              ninja-build           ninja-build    ninja
build     header   asio.hpp           libasio-dev           asio-devel     asio
build     header   simdjson.h         libsimdjson-dev       simdjson-devel simdjson
build     header   xxhash.h           libxxhash-dev         xxhash-devel   xxhash
build     header   openssl/ssl.h      libssl-dev            openssl-devel  openssl
build     header   toml++/toml.h      libtomlplusplus-dev   tomlplusplus-devel tomlplusplus
build     header   CLI/CLI.hpp        libcli11-dev          cli11-devel    cli11
demo      command  jq                 jq                    jq             jq
tests     command  node               nodejs                nodejs         nodejs
tests     command  npm                npm                   nodejs-npm     npm
tests     command  python3            python3               python3        python
tests     header   doctest/doctest.h  doctest-dev           doctest-devel  doctest
tests     header   cryptopp/sha.h     libcrypto++-dev       cryptopp-devel crypto++
tests     command  pkg-config         pkg-config            pkgconf        pkgconf
tests     command  dpkg-shlibdeps     dpkg-dev              dpkg-dev       dpkg
tests     command  file               file                  file           file
tests     header   curl/curl.h        libcurl4-openssl-dev  libcurl-devel  curl
tests     header   nettle/sha2.h      nettle-dev            nettle-devel   nettle
tests     header   lmdb.h             liblmdb-dev           lmdb-devel     lmdb
bench     header   benchmark/benchmark.h libbenchmark-dev   google-benchmark-devel benchmark
bench     header   cryptopp/sha.h     libcrypto++-dev       cryptopp-devel crypto++
bench     header   lmdb.h             liblmdb-dev           lmdb-devel     lmdb
bench     header   sqlite3.h          libsqlite3-dev        sqlite-devel   sqlite
bench     command  nginx              nginx-light           nginx          nginx
bench     command  aria2c             aria2                 aria2          aria2
bench     command  curl               curl                  curl           curl
bench     command  wget               wget                  wget           wget
bench     command  node               nodejs                nodejs         nodejs
bench     command  npm                npm                   nodejs-npm     npm
bench     command  gnuplot            gnuplot-nox           gnuplot        gnuplot
bench     command  ip                 iproute2              iproute        iproute2
ci        command  ccache             ccache                ccache         ccache
ci        command  shellcheck         shellcheck            ShellCheck     shellcheck
ci        command  groff              groff-base            groff-base     groff
ci        command  zsh                zsh                   zsh            zsh
ci        command  fish               fish                  fish           fish
ci        command  doxygen            doxygen               doxygen        doxygen
ci        command  nginx              nginx-light           nginx          nginx
ci        command  microsocks         microsocks            microsocks     microsocks
ci        command  chromium           chromium              chromium       chromium
ci        command  clang++-19         clang-19              clang          clang
ci        command  clang-tidy-19      clang-tidy-19         clang-tools-extra clang
ci        file     libclang_rt.tsan*  libclang-rt-19-dev    compiler-rt    compiler-rt
TABLE
}

# Reads lines of the table and prints those whose header the compiler does not find: one run of it for all.
absent_headers() {
  local line header
  while read -r line; do
    read -r _ _ header _ <<<"$line"
    printf '#if !defined(__has_include) || !__has_include(<%s>)\n%s\n#endif\n' "$header" "$line"
  done | "${CXX:-c++}" -std=c++20 -E -P -x c++ -
}

# Reads lines of the table and prints those whose command is not on PATH.
absent_commands() {
  local line name
  while read -r line; do
    read -r _ _ name _ <<<"$line"
    command -v "$name" >/dev/null || echo "$line"
  done
}

# Reads lines of the table and prints those whose file is not among those of clang 19.
absent_files() {
  local line name
  while read -r line; do
    read -r _ _ name _ <<<"$line"
    compgen -G "/usr/lib/llvm-19/lib/clang/19/lib/*/$name" >/dev/null || echo "$line"
  done
}

# Reads lines of the table and prints those of a kind.
of_kind() { grep -E "^[a-z]+ +$1 " || true; }

# What is missing for the purposes $@, as lines of the table.
missing() {
  local wanted
  wanted=$(requirements | grep -E "^($(IFS='|' && echo "$*")) ")
  of_kind command <<<"$wanted" | absent_commands
  of_kind file <<<"$wanted" | absent_files
  if command -v "${CXX:-c++}" >/dev/null; then
    of_kind header <<<"$wanted" | absent_headers
  else
    of_kind header <<<"$wanted"
  fi
}

# Column $1 of the table's lines on stdin, on one line.
column() { awk -v n="$1" '{ printf "%s%s", (NR > 1 ? " " : ""), $n }'; }

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_install() {
  local lists_ready=1
  # A new system has no package lists, an old one may have lists of versions that are gone.
  apt-cache show "$@" >/dev/null 2>&1 || lists_ready=0
  ((lists_ready)) || as_root apt-get update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" && return
  ((lists_ready)) || return 1
  as_root apt-get update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

explain() {
  local lacking=$1
  {
    echo "Missing here: $(column 3 <<<"$lacking")"
    echo "Please install it and run this again:"
    echo "  Debian, Ubuntu   apt-get install $(column 4 <<<"$lacking")"
    echo "  Fedora           dnf install $(column 5 <<<"$lacking")"
    echo "  Arch             pacman -S $(column 6 <<<"$lacking")"
  } >&2
}

lacking=$(missing build "$@")
[[ -n $lacking ]] || exit 0

if ! command -v apt-get >/dev/null || { [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; }; then
  explain "$lacking"
  exit 2
fi

read -ra packages <<<"$(column 4 <<<"$lacking")"
echo "Installing: ${packages[*]}" >&2
apt_install "${packages[@]}" >&2

lacking=$(missing build "$@")
if [[ -n $lacking ]]; then
  explain "$lacking"
  exit 2
fi
