#pragma once
/// @file
/// The completion scripts. Each asks `hubcache complete WORD...` and hands the answer to its shell.

#include <string_view>

namespace command {

inline constexpr std::string_view bash_completion = R"(# bash completion for hubcache
# shellcheck shell=bash

_hubcache() {
  # Readline breaks words at '=' and ':'. They are put together again, and what stands before the last piece is cut off
  # the answers, since readline replaces that piece alone.
  local words=() piece='' kept candidate i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    if ((${#words[@]})) && [[ ${COMP_WORDS[i]} == [=:]* || $piece == [=:] ]]; then
      words[-1]+=${COMP_WORDS[i]}
    else
      words+=("${COMP_WORDS[i]}")
    fi
    piece=${COMP_WORDS[i]}
  done
  [[ $piece == [=:] ]] && piece=''
  kept=${words[-1]%"$piece"}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    case $candidate in
      :file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$piece") ;;
      :directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$piece") ;;
      *) COMPREPLY+=("${candidate#"$kept"}") ;;
    esac
  done < <("${1/#\~/$HOME}" complete "${words[@]}" 2>/dev/null)
}
complete -F _hubcache hubcache
)";

inline constexpr std::string_view zsh_completion = R"(#compdef hubcache

_hubcache() {
  local -a candidates
  local candidate description
  while IFS=$'\t' read -r candidate description; do
    case $candidate in
      :file) compset -P '--*='; _files ;;
      :directory) compset -P '--*='; _files -/ ;;
      *) candidates+=("${candidate//:/\\:}${description:+:$description}") ;;
    esac
  done < <("${(Q)words[1]}" complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( ${#candidates} )) && _describe hubcache candidates
}

# Loaded by compinit the file is the function; sourced it declares it.
if [[ ${funcstack[1]} == _hubcache ]]; then
  _hubcache "$@"
else
  compdef _hubcache hubcache
fi
)";

inline constexpr std::string_view fish_completion = R"(# fish completion for hubcache

function __hubcache_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    test (count $current) -eq 0; and set current ''
    # The value of --option=value; a path in its place must begin with the option, too.
    set -l option (string match -r -- '^--[^=]*=' $current)
    set -l value (string replace -r -- '^--[^=]*=' '' $current)
    for line in ($program complete $words $current 2>/dev/null)
        switch $line
            case :file
                string replace -r -- '^' "$option" (__fish_complete_path $value)
            case :directory
                string replace -r -- '^' "$option" (__fish_complete_directories $value '')
            case '*'
                echo $line
        end
    end
end
complete -c hubcache -f -a '(__hubcache_complete)'
)";

}  // namespace command
