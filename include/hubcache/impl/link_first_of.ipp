#pragma once

#include <hubcache/link/first_of.hpp>
#include <hubcache/link/link_failure.hpp>

#include <algorithm>
#include <string>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL std::error_code link_memory::recall(const device_pair& devices, link_kind kind) const {
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(facts_.begin(), facts_.end(),
                                  [&](const fact& f) { return f.devices == devices && f.kind == kind; });
  return known == facts_.end() ? std::error_code{} : known->reason;
}

HUBCACHE_DECL void link_memory::remember(const device_pair& devices, link_kind kind,
                                         const std::error_code& reason) {
  // Within one device EXDEV comes from bind mounts: other paths on it can still be linked.
  if (classify(reason) != link_failure::capability) return;
  if (devices.from == devices.to && reason == std::errc::cross_device_link) return;
  const std::lock_guard lock(mutex_);
  facts_.push_back({devices, kind, reason});
}

HUBCACHE_DECL link_search::link_search(link_memory& memory, const opened_file& have, const link_target& want,
                                       link_kinds kinds)
    : memory_(memory), allowed_(kinds) {
  devices_.from = have.status.identity.device;
  std::error_code ignored;  // without its folder `want` cannot be made, and the first attempt says so
  const auto folder = want.path.substr(0, want.path.find_last_of('/') + 1);
  devices_.to = os::status(folder, ignored, true).identity.device;
}

HUBCACHE_DECL bool link_search::tries(link_kind kind) {
  if (!allowed_.contains(kind)) return false;
  const auto known = memory_.recall(devices_, kind);
  if (known) refuse(kind, known);
  return !known;
}

HUBCACHE_DECL bool link_search::settles(link_kind kind, const std::error_code& outcome) {
  if (!outcome) {
    report_.used = kind;
    return true;
  }
  refuse(kind, outcome);
  switch (classify(outcome)) {
    case link_failure::capability:
      memory_.remember(devices_, kind, outcome);
      return false;
    case link_failure::this_file:
      return false;
    case link_failure::space:
      allowed_ = allowed_.without(link_kind::copy);
      return false;
    case link_failure::stale:
    case link_failure::exists:
    case link_failure::hard:
      break;
  }
  failure_ = outcome;
  return true;
}

HUBCACHE_DECL void link_search::refuse(link_kind kind, const std::error_code& reason) {
  report_.refusals.push_back({kind, reason});
  if (classify(failure_) != link_failure::space) failure_ = reason;
}

HUBCACHE_DECL link_report link_search::finish(std::error_code& ec) && {
  if (report_.used) {
    ec.clear();
  } else {
    ec = failure_;
  }
  return std::move(report_);
}

}  // namespace hubcache::inline v0_1::detail
