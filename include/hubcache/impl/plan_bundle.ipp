#pragma once

#include <hubcache/plan/bundle.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// A content, and the name that a part gives it.
struct lent_content {
  const plan* by = nullptr;
  std::string target;  ///< Relative to its target_root.
};

/// By content, in the order of the parts; of each part once.
using lent_contents = std::unordered_map<content, std::vector<lent_content>>;

HUBCACHE_DECL lent_contents lent_by(std::span<const bundle_part> parts) {
  lent_contents found;
  for (const auto& part : parts) {
    for (const auto& entry : part.what.entries) {
      const auto& what = part.what.steps[entry.step].what;
      auto& lent = found[what];
      if (!lent.empty() && lent.back().by == &part.what) continue;
      lent.push_back({&part.what, part.what.plain_files ? entry.path : what.name.hex()});
    }
  }
  return found;
}

HUBCACHE_DECL void borrow(plan_step& step, const plan& later, const std::vector<lent_content>& lent,
                          bool let_in) {
  const auto has_it = [&later](const lent_content& one) {
    return !later.plain_files && one.by->target_root == later.target_root;
  };
  if (std::any_of(lent.begin(), lent.end(), has_it)) {
    step.action = file_action::present;
    step.targets.clear();
    step.places.clear();
    return;
  }
  if (step.action != file_action::fetched || later.options.force_download) return;
  const auto allowed = [&](const lent_content& one) {
    return one.by->repo == later.repo || (let_in && later.options.smart_cache);
  };
  const auto from = std::find_if(lent.begin(), lent.end(), allowed);
  if (from == lent.end()) return;
  place where;
  where.path = from->by->target_root + "/" + from->target;
  where.store = from->by->plain_files ? mutability::mutable_store : mutability::immutable_store;
  step.places.push_back(std::move(where));
  step.action = file_action::linked;
}

HUBCACHE_DECL void add_totals(snapshot_totals& sum, const snapshot_totals& more) noexcept {
  sum.bytes_total = bounded_sum(sum.bytes_total, more.bytes_total);
  sum.bytes_present = bounded_sum(sum.bytes_present, more.bytes_present);
  sum.bytes_linked = bounded_sum(sum.bytes_linked, more.bytes_linked);
  sum.bytes_fetched = bounded_sum(sum.bytes_fetched, more.bytes_fetched);
  sum.bytes_wire += more.bytes_wire;
  sum.requests += more.requests;
  sum.disk_delta += more.disk_delta;
  sum.seconds += more.seconds;
}

HUBCACHE_DECL void add_part(bundle& whole, snapshot part, const std::vector<file_role>& roles) {
  for (const auto& file : part.files) {
    bundle_file one;
    one.part = whole.parts.size();
    one.file = file;
    if (file.what.name.algorithm() == digest_algorithm::sha256) one.sha256 = file.what.name;
    const auto by_path = [](const file_role& a, const file_role& b) { return a.path < b.path; };
    const auto [first, last] =
        std::equal_range(roles.begin(), roles.end(), file_role(file.path, ""), by_path);
    if (first == last) whole.files.push_back(one);
    for (auto role = first; role != last; ++role) {
      one.role = role->role;
      whole.files.push_back(one);
      one.file = snapshot_file();  // it came once
      one.file.path = file.path;
      one.file.what = file.what;
    }
  }
  add_totals(whole.totals, part.totals);
  whole.parts.push_back(std::move(part));
}

}  // namespace detail

HUBCACHE_DECL std::uint64_t bundle_plan::bytes(file_action action) const {
  std::uint64_t sum = 0;
  for (const auto& part : parts) sum = detail::bounded_sum(sum, part.what.bytes(action));
  return sum;
}

HUBCACHE_DECL void share_contents(std::span<const bundle_part> earlier, plan& later, bool let_in) {
  const auto lent = detail::lent_by(earlier);
  for (auto& step : later.steps) {
    if (step.action == file_action::present) continue;
    if (const auto at = lent.find(step.what); at != lent.end())
      detail::borrow(step, later, at->second, let_in);
  }
}

HUBCACHE_DECL std::vector<part_cost> costs_of(const bundle_plan& what) {
  std::unordered_map<content, std::size_t> parts_with;
  for (const auto& part : what.parts) {
    for (const auto& step : part.what.steps) ++parts_with[step.what];
  }
  std::vector<part_cost> costs;
  for (const auto& part : what.parts) {
    auto& cost = costs.emplace_back();
    for (const auto& step : part.what.steps) {
      auto& kind = parts_with[step.what] > 1 ? cost.bytes_shared : cost.bytes_alone;
      kind = detail::bounded_sum(kind, step.what.size);
    }
    cost.bytes_total = detail::bounded_sum(cost.bytes_shared, cost.bytes_alone);
    cost.bytes_to_fetch = part.what.bytes_to_fetch();
  }
  return costs;
}

HUBCACHE_DECL const bundle_file* bundle::find(std::string_view role) const noexcept {
  const auto at = std::find_if(files.begin(), files.end(), [role](const auto& f) { return f.role == role; });
  return at == files.end() ? nullptr : &*at;
}

HUBCACHE_DECL std::string to_string(const bundle_plan& what) {
  std::string text;
  for (const auto& part : what.parts) text += to_string(part.what) + "\n";
  for (const auto& warning : what.warnings) text += "Warning: " + warning + "\n";
  return text + "To fetch in all: " + format_bytes(what.bytes_to_fetch());
}

HUBCACHE_DECL bundle preview(const bundle_plan& what) {
  bundle result;
  result.dry_run = true;
  for (const auto& part : what.parts) detail::add_part(result, preview(part.what), part.roles);
  return result;
}

}  // namespace hubcache::inline v0_1
