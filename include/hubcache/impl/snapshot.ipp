#pragma once

#include <hubcache/plan/snapshot.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace hubcache::inline v0_1 {

namespace detail {

/// `value` with `digits` after the point, whatever the program's locale.
HUBCACHE_DECL std::string decimal_text(double value, int digits) {
  std::array<char, 400> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits);
  return {text.data(), end.ptr};
}

}  // namespace detail

HUBCACHE_DECL std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 7> units{"", "K", "M", "G", "T", "P", "E"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return detail::decimal_text(value, 1) + units[unit];
}

HUBCACHE_DECL std::string to_string(const snapshot_totals& totals) {
  return format_bytes(totals.bytes_total) + " in all: " + format_bytes(totals.bytes_present) + " present, " +
         format_bytes(totals.bytes_linked) + " linked, " + format_bytes(totals.bytes_fetched) +
         " fetched in " + detail::decimal_text(totals.seconds, 2) + " s (" + std::to_string(totals.requests) +
         (totals.requests == 1 ? " request" : " requests") + ")";
}

HUBCACHE_DECL std::string to_string(const snapshot& result) {
  return result.path + " (commit " + result.commit + "): " + to_string(result.totals);
}

HUBCACHE_DECL const snapshot_file* snapshot::find(std::string_view file) const noexcept {
  const auto at = std::lower_bound(files.begin(), files.end(), file,
                                   [](const snapshot_file& f, std::string_view p) { return f.path < p; });
  return at != files.end() && at->path == file ? &*at : nullptr;
}

}  // namespace hubcache::inline v0_1
