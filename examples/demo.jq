# What demo.sh says about its runs. Input of each function but `size`: the runs so far, in order: what
# `hubcache download --json` printed, with the name of the run, whether it was a `first` one of its repo, and what
# the run added to the disk.

def decimal: . * 10 | round / 10 | tostring | if test("[.]") then . else . + ".0" end;

# Bytes for people.
def size:
  if . >= 1e9 then (. / 1e9 | decimal) + " GB"
  elif . >= 1e6 then (. / 1e6 | decimal) + " MB"
  elif . >= 1e3 then (. / 1e3 | decimal) + " kB"
  else "\(.) B" end;

def bytes: map(.size) | add // 0;
def firsts: map(select(.first));
def repos: firsts | map(.repo_id);

# One line a run.
def runs_table:
  ["", "files", "size", "present", "linked", "fetched", "disk", "requests", "seconds"],
  (.[] | [.name, (.files | length), (.bytes_total | size), (.bytes_present | size), (.bytes_linked | size),
          (.bytes_fetched | size), (.disk | size), .requests, (.seconds * 100 | round / 100)])
  | @tsv;

# One line for each folder of repo $id and way its content came.
def ways_table($id):
  ["folder", "files", "size", "came by"],
  (firsts | map(select(.repo_id == $id))[0].files
   | map(. + {folder: (.path | if test("/") then split("/")[0] + "/" else "." end),
              way: (if .action == "linked" then "linked: " + .link else .action end)})
   | group_by([.folder, .way])[] | [.[0].folder, length, (bytes | size), .[0].way])
  | @tsv;

# The files of later repos whose content an earlier one had brought.
def shared:
  firsts | [range(1; length) as $i
            | ([.[:$i][].files[].digest] | map({(.): true}) | add) as $here
            | .[$i].files[] | select($here[.digest])];

# Lines as sha256sum -c reads them, for all files that the Hub names by sha256.
def checksums:
  firsts[] | .path as $folder | .files[] | select(.digest | length == 64) | "\(.digest)  \($folder)/\(.path)";

def disk_table($du; $df; $type):
  ["", "size"],
  (["all files, added up", (firsts | map(.bytes_total) | add | size)],
   ["blocks under HF_HOME (du)", ($du | size)],
   ["free space that went (df, \($type))", ($df | size)])
  | @tsv;

def conclusion($du):
  (firsts | map(.bytes_total) | add) as $all | (firsts | map(.bytes_fetched) | add) as $fetched
  | (shared | group_by(.link) | map("\(length) by \(.[0].link // "being there")") | join(", ")) as $ways
  | "\(repos | length) repos of \($all | size) in all took \($fetched | size) of transfer and \($du | size) of disk: "
    + "the \(shared | bytes | size) that they share crossed the network once"
    + (if $ways == "" then "" else " and were linked (\($ways))" end)
    + ". Asking again cost one request by branch, and none by commit or offline.";
