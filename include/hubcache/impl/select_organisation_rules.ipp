#pragma once

#include <hubcache/error.hpp>
#include <hubcache/select/organisation_rules.hpp>
#include <hubcache/select/pickle.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// "2 files are " and what they are, then their names; of many the first.
HUBCACHE_DECL error disallowed(const std::vector<std::string>& names, const std::string& what,
                               const std::string& advice) {
  constexpr std::size_t most = 20;
  std::string text = std::to_string(names.size()) + (names.size() == 1 ? " file is " : " files are ") + what;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    text.append(i == 0 ? ": " : ", ").append(names[i]);
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return {errc::disallowed, text + "; " + advice};
}

}  // namespace detail

HUBCACHE_DECL void require_no_pickle_names(std::span<const file_entry* const> files) {
  std::vector<std::string> names;
  std::set<std::string> patterns;
  for (const auto* file : files) {
    const auto suffix = pickle_suffix(file->path);
    if (suffix.empty()) continue;
    names.push_back(printable(file->path));
    patterns.insert("*" + std::string(suffix));
  }
  if (names.empty()) return;
  std::string advice = "leave out what you do not need";
  for (const auto& pattern : patterns) {
    advice.append(pattern == *patterns.begin() ? ": '" : ", '").append(pattern).append("'");
  }
  throw detail::disallowed(names, "of formats that may run code when they are loaded (pickles)", advice);
}

HUBCACHE_DECL void require_sha256(std::span<const file_entry* const> files) {
  std::vector<std::string> names;
  for (const auto* file : files) {
    if (!file->sha256) names.push_back(printable(file->path));
  }
  if (names.empty()) return;
  throw detail::disallowed(names, "named by the Hub with a git sha1 only",
                           "a lock file gives the sha256 of each");
}

HUBCACHE_DECL void require_safe(std::span<const file_entry* const> files, const scan_statuses& found) {
  std::vector<std::string> names;
  for (const auto* file : files) {
    const auto at = found.find(file->path);
    const auto status = at == found.end() || at->second.empty() ? "no status" : at->second;
    if (status != "safe") names.push_back(printable(file->path) + " (" + printable(status, 40) + ")");
  }
  if (names.empty()) return;
  throw detail::disallowed(names, "not safe by the Hub's scans",
                           "leave them out, or wait until the Hub has scanned them");
}

}  // namespace hubcache::inline v0_1
