# shellcheck shell=bash disable=SC2034,SC2154
# A network namespace at the other end of a link that carries 400 Mbit/s towards it: for root, where the kernel has tbf.

far_namespace=""

make_far_namespace() {
  ((EUID == 0)) && command -v ip >/dev/null && command -v tc >/dev/null || return 0
  local name=hubcache-bench-$$ here_end=hcb$$ far_end=hcf$$
  ip netns add "$name" 2>/dev/null || return 0
  far_namespace=$name
  if ! { ip link add "$here_end" type veth peer name "$far_end" netns "$name" &&
    ip address add "$far_address/30" dev "$here_end" && ip link set "$here_end" up &&
    ip -n "$name" address add "${far_address%.*}.2/30" dev "$far_end" && ip -n "$name" link set "$far_end" up &&
    ip -n "$name" link set lo up &&
    tc qdisc add dev "$here_end" root tbf rate 400mbit burst 256k latency 50ms; } 2>/dev/null; then
    remove_far_namespace
  fi
}

# With the namespace go both ends of the link.
remove_far_namespace() {
  [[ -z $far_namespace ]] || ip netns delete "$far_namespace"
  far_namespace=""
}
