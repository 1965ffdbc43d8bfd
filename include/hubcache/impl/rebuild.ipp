#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/upkeep/rebuild.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL void recover_index_files(mapped_index& index, const settings& config) {
  const auto folder = config.state_dir + "/index";
  std::error_code ec;
  os::folder::make_below(config.state_dir, folder, ec, 0700);
  if (ec) throw_disk_error(ec, "write the index in", folder);
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (index.rebuild()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw error(errc::disk_failed,
              "the index in " + folder + " cannot be written, or another process writes to it all the time");
}

/// What a record is worth now: itself, a claim in its place, or nothing.
HUBCACHE_DECL std::optional<index_record> reviewed(const index_record& record) {
  std::error_code ec;
  const auto now = os::status(record.where.path, ec);
  if (ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory) return std::nullopt;
  if (ec || now.identity == record.where.identity) return record;
  const bool may_hold_it = now.regular && now.identity.size == record.where.identity.size;
  if (!may_hold_it || record.where.fingerprint == 0) return std::nullopt;
  auto claim = record;
  claim.where.identity = now.identity;
  claim.where.state = trust::claimed;
  return claim;
}

/// Goes through all records: counts those that hold, puts right or forgets the others.
HUBCACHE_DECL void review_records(mapped_index& index, rebuild_report& report, const std::stop_token& stop) {
  std::vector<index_record> claims;
  std::vector<index_record> wrong;
  index.each([&](const index_record& record) {
    auto now = reviewed(record);
    if (!now) {
      wrong.push_back(record);
    } else if (*now != record) {
      claims.push_back(std::move(*now));
    } else if (record.where.state == trust::verified) {
      ++report.verified;
    }
    return !stop.stop_requested();
  });
  for (const auto& record : wrong) index.forget(record.name, record.where.path);
  index.insert(claims);
  report.dropped = wrong.size();
}

/// How many claims lie in which store: the first of `stores` that holds the file.
HUBCACHE_DECL std::vector<std::pair<store, std::size_t>> count_claims(const mapped_index& index,
                                                                      const settings& config) {
  std::vector<std::pair<store, std::size_t>> counts;
  counts.emplace_back(store(store_kind::hub_cache, config.cache_dir, store_origin::own), 0);
  for (const auto& each : config.stores) counts.emplace_back(each, 0);
  counts.emplace_back(store(store_kind::folder, {}, store_origin::found), 0);
  index.each([&counts](const index_record& record) {
    if (record.where.state != trust::claimed) return true;
    const auto in = std::find_if(counts.begin(), counts.end() - 1,
                                 [&record](const auto& each) { return each.first.holds(record.where.path); });
    ++in->second;
    return true;
  });
  std::erase_if(counts, [](const auto& each) { return each.second == 0; });
  return counts;
}

}  // namespace detail

HUBCACHE_DECL rebuild_report rebuild_index(mapped_index& index, const settings& config,
                                           const std::stop_token& stop) {
  rebuild_report report;
  // Whenever this ends, the next scan reads every store anew.
  std::error_code ec;
  os::remove(config.state_dir + "/scanned", ec);
  detail::recover_index_files(index, config);
  detail::review_records(index, report, stop);
  auto seen = scan_stores(config.cache_dir, config.stores, config.state_dir, index, stop);
  report.complete = !stop.stop_requested();
  if (report.complete) {
    remember_scan(seen, config.state_dir, index);
    report.claims = detail::count_claims(index, config);
  }
  report.problems = std::move(seen.problems);
  return report;
}

}  // namespace hubcache::inline v0_1
