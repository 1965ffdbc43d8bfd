#pragma once

#include <hubcache/index/index_report.hpp>
#include <hubcache/index/index_writer.hpp>

#include <algorithm>

namespace hubcache::inline v0_1::detail {

/// Adds one slot and what it shows to `report`; `live_bytes` are those of its records.
HUBCACHE_DECL void inspect_slot(const index_files& files, const seen_slot& seen, index_report& report,
                                std::uint64_t& live_bytes) {
  const auto& [at, value] = seen;
  if (value.mark == 0) return;
  ++report.used_slots;
  if (value.head == 0) return;
  const auto newest = files.log.read(value.head);
  const auto name = newest ? newest->record.name : digest();
  const auto found = files.table.find(files.table.mark_of(name));
  const bool reached = newest && found && found->at == at;
  const auto chain = reached ? read_chain(files.log, value.head, name) : record_chain{};
  if (chain.records.empty() || !chain.intact) ++report.damaged_slots;
  if (!chain.records.empty()) ++report.entries;
  for (const auto& link : chain.records) {
    ++report.places;
    if (link.record.where.state == trust::verified) ++report.verified;
    if (link.record.where.fingerprint != 0) ++report.fingerprinted;
    live_bytes += link.length;
  }
}

HUBCACHE_DECL index_report inspect_index(const std::string& folder, index_access access) {
  index_report report;
  if (!has_index_files(folder)) return report;
  report.condition = index_condition::unusable;
  const auto files = open_index(folder, access);
  if (!files) return report;

  std::error_code ec;
  const auto counted = files->table.counts().used;
  report.slots = files->table.slots();
  report.table_bytes = files->table.file_size();
  report.log_bytes = files->log.size(ec);
  // The log first, in order: what the slots point at is then in memory, if it fits.
  std::uint64_t records = 0;
  for (record_cursor cursor(files->log); const auto next = cursor.next();) {
    if (next->kind == record_kind::place) ++records;
  }
  std::uint64_t live_bytes = first_record;
  files->table.each([&](const seen_slot& seen) { inspect_slot(*files, seen, report, live_bytes); });

  report.lost_slots = counted - std::min(counted, report.used_slots);
  report.unreachable = records - std::min(records, report.places);
  report.dead_bytes = report.log_bytes - std::min(report.log_bytes, live_bytes);
  const bool sound = report.damaged_slots == 0 && report.lost_slots == 0;
  report.condition = sound ? index_condition::sound : index_condition::damaged;
  return report;
}

}  // namespace hubcache::inline v0_1::detail
