#pragma once

#include <hubcache/store/byte_ranges.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL void byte_ranges::add(byte_range more) {
  if (more.begin >= more.end) return;
  const auto first =
      std::find_if(all_.begin(), all_.end(), [&](const byte_range& one) { return one.end >= more.begin; });
  auto last = first;
  for (; last != all_.end() && last->begin <= more.end; ++last) {
    more.begin = std::min(more.begin, last->begin);
    more.end = std::max(more.end, last->end);
  }
  if (first == last) {
    all_.insert(first, more);
  } else {
    *first = more;
    all_.erase(first + 1, last);
  }
}

HUBCACHE_DECL byte_range byte_ranges::take_first(std::uint64_t most) {
  auto& first = all_.front();
  const byte_range taken(first.begin, first.begin + std::min(most, first.size()));
  first.begin = taken.end;
  if (first.begin == first.end) all_.erase(all_.begin());
  return taken;
}

HUBCACHE_DECL byte_ranges byte_ranges::missing(std::uint64_t size) const {
  byte_ranges result;
  std::uint64_t at = 0;
  for (const auto& one : all_) {
    if (one.begin > at) result.all_.emplace_back(at, one.begin);
    at = one.end;
  }
  if (at < size) result.all_.emplace_back(at, size);
  return result;
}

HUBCACHE_DECL std::uint64_t byte_ranges::total() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& one : all_) sum += one.size();
  return sum;
}

}  // namespace hubcache::inline v0_1
