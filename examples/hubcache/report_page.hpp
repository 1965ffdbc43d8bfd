#pragma once
/// @file
/// A cache_report as one HTML page that needs nothing else: no network, no other file.

#include <string>
#include <string_view>

#include "report_data.hpp"

namespace command {

/// How every page begins: what tells it from files that are not ours to replace.
inline constexpr std::string_view report_page_mark = "<!doctype html>\n<!-- hubcache cache report -->\n";

/// The page's data as JSON text without a '<', so that it can stand in HTML.
[[nodiscard]] std::string report_json(const cache_report& report);

/// The page. Its policy lets nothing run or load but its own style and script, whatever the names in the cache say.
[[nodiscard]] std::string report_page(const cache_report& report);

}  // namespace command
