#pragma once

#include <hubcache/index/memory_index.hpp>

#include <algorithm>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::vector<place> memory_index::find(const digest& name) const {
  const std::lock_guard hold(using_);
  const auto found = places_.find(name);
  return found == places_.end() ? std::vector<place>{} : found->second;
}

HUBCACHE_DECL std::size_t memory_index::insert(std::span<const index_record> records) {
  const std::lock_guard hold(using_);
  for (const auto& record : records) {
    auto& chain = places_[record.name];
    auto where = record.where;
    const auto same =
        std::find_if(chain.begin(), chain.end(), [&](const place& p) { return p.path == where.path; });
    if (same != chain.end()) {
      where = merged_place(std::move(where), *same);
      if (where == *same) continue;
      chain.erase(same);
    } else if (chain.size() == max_places) {
      chain.pop_back();
    } else {
      ++size_;
    }
    chain.insert(chain.begin(), std::move(where));
  }
  return records.size();
}

HUBCACHE_DECL void memory_index::forget(const digest& name, const std::string& path) {
  const std::lock_guard hold(using_);
  const auto found = places_.find(name);
  if (found == places_.end()) return;
  size_ -= std::erase_if(found->second, [&](const place& p) { return p.path == path; });
  if (found->second.empty()) places_.erase(found);
}

HUBCACHE_DECL void memory_index::each(record_visitor visit) const {
  const std::lock_guard hold(using_);
  for (const auto& [name, chain] : places_) {
    for (const auto& where : chain) {
      if (!visit(index_record(name, where))) return;
    }
  }
}

HUBCACHE_DECL std::uint64_t memory_index::size() const {
  const std::lock_guard hold(using_);
  return size_;
}

}  // namespace hubcache::inline v0_1
