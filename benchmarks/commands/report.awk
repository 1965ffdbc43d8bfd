# Tables of medians from the rows that measurement.sh writes; the file `targets` comes first.
# Usage: awk -f report.awk targets results.tsv
#        awk -v plot=1 -f report.awk targets results.tsv      wall times in relation to hubcache (pinned, where all is there), for plot.sh

function median(of, column,   n, i, j, x, v) {
  n = count[of]
  for (i = 1; i <= n; ++i) {
    x = value[of, i, column]
    for (j = i - 1; j > 0 && v[j] > x; --j) v[j + 1] = v[j]
    v[j + 1] = x
  }
  low = v[1]; high = v[n]
  return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function wall(name, client) { return median(name SUBSEP client, 4) }

# The clients of a case, the fastest first.
function rank(name,   i, j, client) {
  for (i = 2; i <= clients[name]; ++i) {
    client = order[name, i]
    for (j = i - 1; j > 0 && wall(name, order[name, j]) > wall(name, client); --j) order[name, j + 1] = order[name, j]
    order[name, j + 1] = client
  }
}

# One case; `times` is wall time in relation to the peer that the case is compared with.
function table(name, peer,   i, n, client, of, w, range, cpu, bytes) {
  rank(name)
  printf "\n%s, beside %s\n", name, peer
  printf "  %-17s %9s %17s %9s %8s %8s %8s %8s %9s %8s %3s\n", "client", "wall s", "range", "times", "cpu s", \
    "cpu s/GB", "RSS MiB", "anon MiB", "sent MB", "requests", "n"
  for (i = 1; i <= clients[name]; ++i) {
    client = order[name, i]
    of = name SUBSEP client
    w = median(of, 4)
    range = sprintf("%.3f-%.3f", low, high)
    for (n = 1; n <= count[of]; ++n) value[of, n, "cpu"] = value[of, n, 5] + value[of, n, 6]
    cpu = median(of, "cpu")
    bytes = median(of, 11)
    printf "  %-17s %9.3f %17s %9s %8.2f %8.2f %8.1f %8.1f %9.1f %8d %3d\n", client, w, range, \
      (name, peer) in count ? sprintf("%.2f", w / wall(name, peer)) : "-", cpu, cpu / bytes * 1e9, \
      median(of, 7) / 1024, median(of, 8) / 1024, median(of, 10) / 1e6, median(of, 9), count[of]
  }
  if (!((name, "sha256sum") in count) || name == "verify") return
  for (i = 1; i <= clients[name]; ++i) {
    client = order[name, i]
    if (client ~ /^hubcache|^openssl|^sha256sum$/) continue
    w = wall(name, client) + wall(name, "sha256sum")
    printf "  %-17s %9.3f %17s %9.2f\n", client " + sha256", w, "sum of medians", w / wall(name, peer)
  }
}

function target(name, kind, client, peers, bound,   list, n, i, w, p, got, ok) {
  if (!((name, client) in count)) return
  w = wall(name, client)
  n = peers == "-" ? 0 : split(peers, list, ",")
  for (i = 1; i <= n; ++i) {
    if (!((name, list[i]) in count)) return
    if (wall(name, list[i]) > p) p = wall(name, list[i])
  }
  if (kind == "ratio") { got = w / p; ok = got <= bound; what = "times " peers ", at most" }
  if (kind == "faster") { got = p / w; ok = got >= bound; what = "times as fast as " peers ", at least" }
  if (kind == "over-ms") { got = (w - p) * 1000; ok = got <= bound; what = "ms over " peers ", at most" }
  if (kind == "ms") { got = w * 1000; ok = got <= bound; what = "ms, at most" }
  printf "  %-13s %-17s %8.2f %s %g: %s\n", name, client, got, what, bound, ok ? "reached" : "MISSED"
}

FNR == 1 { ++file }
/^#/ || NF == 0 { next }
file == 1 { targets[++target_count] = $0; if (!($1 in peer_of)) { split($4, p, ","); peer_of[$1] = p[1] == "-" ? "" : p[1] }; next }
{
  of = $1 SUBSEP $2
  if (!($1 in clients)) names[++cases] = $1
  if (!(of in count)) order[$1, ++clients[$1]] = $2
  ++count[of]
  for (i = 4; i <= 11; ++i) value[of, count[of], i] = $i
}

END {
  if (plot) { draw(); exit }
  for (c = 1; c <= cases; ++c) {
    name = names[c]
    peer = peer_of[name] != "" ? peer_of[name] : (name, "curl") in count ? "curl" : "empty"
    table(name, peer)
  }
  print "\ntargets"
  for (t = 1; t <= target_count; ++t) { split(targets[t], f, " "); target(f[1], f[2], f[3], f[4], f[5]) }
  for (of in count) {
    split(of, f, SUBSEP)
    if (f[2] !~ /^hubcache/) continue
    if (f[1] != "verify" && median(of, 8) > most) { most = median(of, 8); where = f[1] }
  }
  printf "  RssAnon of hubcache, most (%s): %.1f MiB, at most 64: %s\n", where, most / 1024, most <= 65536 ? "reached" : "MISSED"
}

function draw(   shown, n, c, i, own) {
  n = split("hubcache curl aria2c wget npm openssl sha256sum", shown, " ")
  printf "case"
  for (i = 1; i <= n; ++i) printf "\t%s", shown[i]
  print ""
  for (c = 1; c <= cases; ++c) {
    own = (names[c], "hubcache") in count ? "hubcache" : "hubcache-pinned"
    if (!((names[c], own) in count)) continue
    printf "%s", names[c]
    printf "\t1"
    for (i = 2; i <= n; ++i) {
      printf "\t%s", (names[c], shown[i]) in count ? wall(names[c], shown[i]) / wall(names[c], own) : "?"
    }
    print ""
  }
}
