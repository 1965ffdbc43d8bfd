#include "ages.hpp"

#include <cmath>
#include <string_view>

namespace command {

std::string age_of(std::int64_t then_ns, std::int64_t now_ns) {
  struct unit {
    std::string_view name;
    double seconds;
    double most;
  };
  static constexpr unit units[] = {{"second", 1, 60},
                                   {"minute", 60, 60},
                                   {"hour", 3600, 24},
                                   {"day", 86400, 6},
                                   {"week", 7 * 86400, 6},
                                   {"month", 30 * 86400, 11},
                                   {"year", 365 * 86400, HUGE_VAL}};
  const auto seconds = (static_cast<double>(now_ns) - static_cast<double>(then_ns)) / 1e9;
  if (seconds < 20) return "a few seconds ago";
  const unit* chosen = units;
  while (std::nearbyint(seconds / chosen->seconds) > chosen->most) ++chosen;  // ends at the years
  const auto value = static_cast<std::int64_t>(std::nearbyint(seconds / chosen->seconds));
  return std::to_string(value) + " " + std::string(chosen->name) + (value == 1 ? "" : "s") + " ago";
}

}  // namespace command
