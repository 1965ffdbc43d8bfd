#pragma once

#include <hubcache/plan/snapshot.hpp>

#include <array>
#include <cstdio>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 7> units{"", "K", "M", "G", "T", "P", "E"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%3.1f%s", value, units[unit]);
  return text.data();
}

HUBCACHE_DECL std::string to_string(const snapshot_totals& totals) {
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.2f s", totals.seconds);
  return format_bytes(totals.bytes_total) + " in all: " + format_bytes(totals.bytes_present) + " present, " +
         format_bytes(totals.bytes_linked) + " linked, " + format_bytes(totals.bytes_fetched) + " fetched in " +
         seconds.data() + " (" + std::to_string(totals.requests) + (totals.requests == 1 ? " request" : " requests") +
         ")";
}

}  // namespace hubcache::inline v0_1
