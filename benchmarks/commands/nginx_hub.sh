# shellcheck shell=bash disable=SC2034,SC2154
# The local Hub: files and redirects from nginx, listings from the embedded Hub behind it, cached by nginx.
#
#   start_hub SITE FOLDER DIVISOR     sets `endpoint`; SITE: what is served, FOLDER: for logs
#   stop_hub
#   mark_log; traffic_since_mark          requests and bytes sent since then, tab-separated
#
# Regular files come from the endpoint with their ETag, LFS files by a redirect to the CDN, another address.

declare -A endpoint   # by network: plain, tls, capped, rtt20, rtt100, tbf
hub_pids=()
hub_cap=8m            # bytes/s of each connection of the capped CDN
hub_window_kib=1024   # of each connection of the slow networks
far_address=10.77.77.1 # of this machine, seen from the network namespace

# A CA and a certificate of it for the addresses used here.
make_certificates() {
  local folder=$1
  [[ -s $folder/server.pem ]] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=hubcache benchmarks' \
    -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
    -keyout "$folder/server.key" -out "$folder/server.csr" 2>/dev/null
  openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 30 \
    -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2') -out "$folder/server.pem" 2>/dev/null
}

# http and https of one pair of ports: the endpoint, and the CDN that its redirects name.
nginx_servers() {
  local site=$1 tables=$1/tables port=$2 tls=$3 limit=$4 far=$5
  local ssl="" listen_far=""
  [[ -n $tls ]] && ssl=" ssl"
  [[ -n $far ]] && listen_far=$far
  cat <<NGINX
  server {
    listen 127.0.0.1:$port$ssl;
    ${listen_far:+listen $listen_far:$port;}
    include $tables/branches;
    location /api/ {
      proxy_pass http://listings;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host \$http_host;
      proxy_cache listings;
      proxy_cache_key \$http_host\$request_uri;
      proxy_cache_valid 200 1h;
    }
    location ~ ^/[^/]+/[^/]+/resolve/(?<commit>[0-9a-f]+)/ {
      root $site/files;
      etag off;
      add_header ETag '"\$file_etag"';
      add_header X-Repo-Commit \$commit;
      if (\$file_content) {
        add_header X-Repo-Commit \$commit;
        add_header X-Linked-ETag '"\$file_etag"';
        add_header X-Linked-Size \$file_size;
        return 302 \$cdn/cdn/\$file_content?Signature=benchmark;
      }
    }
  }
  server {
    listen 127.0.0.2:$((port + 1))$ssl;
    ${listen_far:+listen $listen_far:$((port + 1));}
    limit_rate $limit;
    location /cdn/ { root $site/files; }
  }
NGINX
}

nginx_configuration() {
  local site=$1 folder=$2 port=$3 listings=$4 far=$5
  cat <<NGINX
$( ((EUID == 0)) && echo 'user root;')
daemon off;
worker_processes 2;
pid $folder/nginx.pid;
error_log $folder/nginx-errors.log warn;
events { worker_connections 4096; }
http {
  log_format requests '\$server_port \$request_method \$status \$bytes_sent "\$http_range" \$uri';
  access_log $folder/requests.log requests;
  $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $folder/nginx-temp;"; done)
  proxy_cache_path $folder/nginx-cache keys_zone=listings:4m;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=30000;
  default_type application/octet-stream;
  ssl_certificate $folder/server.pem;
  ssl_certificate_key $folder/server.key;
  ssl_protocols TLSv1.3;
  ssl_prefer_server_ciphers on;
  ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  ssl_session_cache shared:sessions:1m;
  map_hash_max_size 262144;
  map_hash_bucket_size 256;
  map \$uri \$file_etag { include $site/tables/etags; }
  map \$uri \$file_content { include $site/tables/contents; }
  map \$uri \$file_size { include $site/tables/sizes; }
  # Whoever came through a slow network is sent to the CDN through the same.
  map \$http_host \$cdn {
    127.0.0.1:$((port + 2)) https://127.0.0.2:$((port + 3));
    127.0.0.1:$((port + 4)) http://127.0.0.2:$((port + 5));
    127.0.0.1:$((port + 6)) http://127.0.0.2:$((port + 7));
    127.0.0.1:$((port + 8)) http://127.0.0.2:$((port + 9));
    $far_address:$port http://$far_address:$((port + 1));
    default http://127.0.0.2:$((port + 1));
  }
  upstream listings {
    server $listings;
    keepalive 32;
  }
$(nginx_servers "$site" "$port" "" 0 "$far")
$(nginx_servers "$site" $((port + 2)) tls 0 "")
$(nginx_servers "$site" $((port + 4)) "" "$hub_cap" "")
}
NGINX
}

# Waits until what follows `endpoint=` stands in a file.
await_listings() {
  local file=$1 pid=$2
  until grep -q endpoint= "$file"; do
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.05
  done
  sed -n 's|.*endpoint=http://\([^ ]*\).*|\1|p' "$file"
}

await_port() {
  for _ in {1..200}; do
    (: <"/dev/tcp/$1/$2") 2>/dev/null && return
    sleep 0.05
  done
  echo "no server at $1:$2" >&2
  return 1
}

start_hub() {
  local site=$1 folder=$2 divisor=$3 listings far=""
  local port=$((20000 + $$ % 1000 * 10)) export=()
  mkdir -p "$folder/nginx-temp"
  make_certificates "$folder"
  if [[ $(cat "$site/divisor" 2>/dev/null) != "$divisor" ]]; then
    rm -rf "$site"
    export=(--export "$site")
  fi
  : >"$folder/listings.out"
  embedded-hub --scenario "bench:$divisor" "${export[@]}" >"$folder/listings.out" 2>/dev/null &
  hub_pids+=($!)
  listings=$(await_listings "$folder/listings.out" $!) || { echo "embedded-hub failed" >&2; return 1; }
  echo "$divisor" >"$site/divisor"
  ip -br address 2>/dev/null | grep -q " $far_address/" && far=$far_address
  nginx_configuration "$site" "$folder" "$port" "$listings" "$far" >"$folder/nginx.conf"
  nginx -p "$folder" -e "$folder/nginx-errors.log" -c "$folder/nginx.conf" 2>/dev/null &
  hub_pids+=($!)
  start_delay_proxy 20 "$port" $((port + 6))
  start_delay_proxy 100 "$port" $((port + 8))
  await_port 127.0.0.1 "$port"
  await_port 127.0.0.1 $((port + 8))
  endpoint=([plain]=http://127.0.0.1:$port [tls]=https://127.0.0.1:$((port + 2)) [capped]=http://127.0.0.1:$((port + 4))
    [rtt20]=http://127.0.0.1:$((port + 6)) [rtt100]=http://127.0.0.1:$((port + 8)))
  [[ -z $far ]] || endpoint[tbf]=http://$far:$port
}

start_delay_proxy() {
  local rtt=$1 to=$2 from=$3
  benchmark_delay_proxy "$rtt" "$hub_window_kib" \
    "127.0.0.1:$from=127.0.0.1:$to" "127.0.0.2:$((from + 1))=127.0.0.2:$((to + 1))" &
  hub_pids+=($!)
}

stop_hub() {
  ((${#hub_pids[@]})) || return 0
  kill "${hub_pids[@]}" 2>/dev/null || true
  wait "${hub_pids[@]}" 2>/dev/null || true
  hub_pids=()
}

# The log's length is the mark; lines are written when a request ends, so a moment is left to the last ones.
mark_log() { log_mark=$(stat -c %s "$1/requests.log"); }
traffic_since_mark() {
  sleep 0.1
  tail -c "+$((log_mark + 1))" "$1/requests.log" | awk '{ bytes += $4 } END { printf "%d\t%.0f", NR, bytes }'
}
