#pragma once

#include <hubcache/store/scan.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>

namespace hubcache::inline v0_1 {

namespace detail {

/// hub_scan::folders from lines "<mtime> <path>\n"; others are skipped.
HUBCACHE_DECL std::map<std::string, std::int64_t> parse_scanned(std::string_view text) {
  std::map<std::string, std::int64_t> result;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::int64_t mtime = 0;
    const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), mtime);
    const auto digits = static_cast<std::size_t>(end - line.data());
    if (failure == std::errc{} && digits + 1 < line.size() && line[digits] == ' ') {
      result[std::string(line.substr(digits + 1))] = mtime;
    }
  }
  return result;
}

HUBCACHE_DECL std::string format_scanned(const std::map<std::string, std::int64_t>& folders) {
  std::string text;
  for (const auto& [path, mtime] : folders) {
    if (path.find('\n') == path.npos)
      text.append(std::to_string(mtime)).append(" ").append(path).append("\n");
  }
  return text;
}

/// The claim that `path`, named by a digest, holds its content; none if it is no blob.
HUBCACHE_DECL std::optional<index_record> claim_of(const std::string& folder, const std::string& name) {
  const auto parsed = digest::parse(name);
  if (!parsed) return std::nullopt;
  place where;
  where.path = folder + "/" + name;
  std::error_code ec;
  auto file = os::status(where.path, ec);
  if (!ec && file.symlink) {
    // huggingface_hub's shared store: the payload is the content, wherever the link leads.
    where.path = std::filesystem::canonical(where.path, ec).string();
    if (!ec) file = os::status(where.path, ec);
  }
  if (ec || !file.regular) return std::nullopt;
  where.identity = file.identity;
  return index_record(*parsed, std::move(where));
}

HUBCACHE_DECL bool is_known(const index_ref& index, const index_record& claim) {
  const auto places = index.find(claim.name);
  return std::any_of(places.begin(), places.end(), [&](const place& p) {
    return p.path == claim.where.path && p.identity == claim.where.identity;
  });
}

}  // namespace detail

HUBCACHE_DECL hub_scan scan_hub_cache(const std::string& cache_dir, const std::string& state_dir,
                                      index_ref index) {
  std::error_code ec;
  hub_scan result;
  // A lost index is rebuilt: without records, what was scanned before counts for nothing.
  if (index.size() > 0) {
    result.folders = detail::parse_scanned(os::read_text(state_dir + "/scanned", std::size_t{64} << 20U, ec));
  }
  for (const auto& repo : os::names_in(cache_dir, ec)) {
    if (repo.find("--") == repo.npos) continue;
    const auto blobs = cache_dir + "/" + repo + "/blobs";
    const auto folder = os::status(blobs, ec);
    if (ec || !folder.directory) continue;
    const auto known = result.folders.find(blobs);
    if (known != result.folders.end() && known->second == folder.identity.mtime_ns) continue;
    const auto names = os::names_in(blobs, ec);
    if (ec) continue;
    for (const auto& name : names) {
      auto claim = detail::claim_of(blobs, name);
      if (claim && !detail::is_known(index, *claim)) result.claims.push_back(std::move(*claim));
    }
    // Timestamps are coarse: a folder changed just now may change again within the same tick.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    if (std::chrono::nanoseconds(folder.identity.mtime_ns) + std::chrono::seconds(2) < now) {
      result.folders[blobs] = folder.identity.mtime_ns;
    }
  }
  std::sort(result.claims.begin(), result.claims.end(),
            [](const index_record& a, const index_record& b) { return a.name < b.name; });
  return result;
}

HUBCACHE_DECL void remember_scan(const hub_scan& scan, const std::string& state_dir, index_ref index) {
  if (!scan.claims.empty() && index.insert(scan.claims) < scan.claims.size()) return;
  if (scan.folders.empty()) return;
  std::error_code ec;
  const auto path = state_dir + "/scanned";
  const auto text = detail::format_scanned(scan.folders);
  if (os::read_text(path, std::size_t{64} << 20U, ec) == text) return;
  os::make_directories(state_dir, ec, 0700);
  os::replace_text(path, text, 0600, ec);
}

}  // namespace hubcache::inline v0_1
