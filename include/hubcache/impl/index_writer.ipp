#pragma once

#include <hubcache/index/index_writer.hpp>

#include <array>
#include <charconv>
#include <map>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL std::string table_path(const std::string& folder) { return folder + "/index-v2.table"; }

HUBCACHE_DECL std::string log_name(log_id id) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id, 16).ptr;
  return std::string("index-v2-").append(digits.data(), end).append(".log");
}

HUBCACHE_DECL std::string log_path(const std::string& folder, log_id id) {
  return folder + "/" + log_name(id);
}

HUBCACHE_DECL std::string temporary_in(const std::string& folder) {
  return folder + "/index-v2-" + os::random_hex(16) + ".tmp";
}

HUBCACHE_DECL std::uint64_t random_word() {
  const auto digits = os::random_hex(16);
  std::uint64_t word = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), word, 16);
  return word;
}

/// The table at `path`, in `folder`, and its log.
HUBCACHE_DECL std::shared_ptr<const index_files> open_files(const std::string& folder,
                                                            const std::string& path, index_access access) {
  std::error_code ec;
  for (;;) {
    index_files files;
    files.table = slot_table::open(path, access, ec);
    if (ec) return nullptr;
    const auto id = files.table.shape().log;
    files.log = record_log::open(log_path(folder, id), access, ec);
    // A log that lost its end (the machine crashed, say) would give misses for what the stores still hold.
    const bool whole = !ec && files.log.size(ec) >= files.table.counts().log && !ec;
    if (whole && files.log.id() == id) return std::make_shared<const index_files>(std::move(files));
    if (!files.table.superseded()) return nullptr;
    // Else a writer replaced both between the two opens.
  }
}

HUBCACHE_DECL std::shared_ptr<const index_files> open_index(const std::string& folder, index_access access) {
  return open_files(folder, table_path(folder), access);
}

HUBCACHE_DECL bool is_index_file(std::string_view name) noexcept {
  return name.starts_with("index-v2-") || name == "index-v2.table";
}

HUBCACHE_DECL bool has_index_files(const std::string& folder) {
  std::error_code ec;
  const auto names = os::names_in(folder, ec);
  return std::any_of(names.begin(), names.end(), is_index_file);
}

/// Removes what writers left that died or were superseded; a file of another version never.
HUBCACHE_DECL void sweep_index(const std::string& folder, log_id keep) {
  std::error_code ec;
  for (const auto& name : os::names_in(folder, ec)) {
    if (name.starts_with("index-v2-") && name != log_name(keep)) os::remove(folder + "/" + name, ec);
  }
}

/// Tells the readers of the table at `path`, if there is one, to look whether it still has that name.
HUBCACHE_DECL void retire_table(const std::string& path) {
  std::error_code ec;
  if (const auto table = slot_table::open(path, index_access::copied, ec); !ec) table.retire(ec);
}

HUBCACHE_DECL void replace_table(const std::string& path, const std::string& with, std::error_code& ec) {
  retire_table(path);
  os::rename(with, path, ec);
}

HUBCACHE_DECL void remove_index(const std::string& folder, std::error_code& ec) {
  retire_table(table_path(folder));
  os::remove(table_path(folder), ec);  // first: it makes the others an index
  for (const auto& name : os::names_in(folder, ec)) {
    std::error_code failure;
    if (is_index_file(name)) os::remove(folder + "/" + name, failure);
    if (failure) ec = failure;
  }
}

/// Visits the used slots of `table` in ascending order of mark: runs of them are, and each is sorted by
/// itself. Of two with one mark (a power cut can do that), the one that look-ups find comes first.
template <class Visit>
void each_slot_by_mark(const slot_table& table, Visit visit) {
  std::vector<seen_slot> run;
  const auto end_run = [&run, &visit] {
    std::sort(run.begin(), run.end(), [](const seen_slot& a, const seen_slot& b) {
      return a.value.mark != b.value.mark ? a.value.mark < b.value.mark : a.at < b.at;
    });
    for (const auto& seen : run) visit(seen.value);
    run.clear();
  };
  table.each([&run, &end_run](const seen_slot& seen) {
    if (seen.value.mark == 0) return end_run();
    run.push_back(seen);
  });
  end_run();
}

HUBCACHE_DECL bool is_newest(const index_files& files, const logged_record& record) {
  const auto seen = files.table.find(files.table.mark_of(record.record.name));
  return seen && record.kind == record_kind::place && seen->value.head == record.offset;
}

HUBCACHE_DECL
index_writer::index_writer(std::string folder, std::string table, index_access access,
                           std::shared_ptr<const index_files> files)
    : folder_(std::move(folder)),
      table_(std::move(table)),
      access_(access),
      files_(std::move(files)),
      log_(files_->log) {
  now_.counts = visible_.counts = files_->table.counts();
}

HUBCACHE_DECL void index_writer::store(const index_record& record) {
  if (!is_recordable_path(record.where.path)) return;
  const auto target = slot_for(files_->table.mark_of(record.name));
  if (!target) return;
  ++now_.stored;
  const auto chain = read_chain(log_, target->value.head, record.name);
  const auto same = chain.find(record.where.path);
  if (same == chain.records.end()) {
    relink(*target, chain, same, &record);
  } else if (const index_record merged(record.name, merged_place(record.where, same->record.where));
             merged != same->record) {
    relink(*target, chain, same, &merged);
  }
}

HUBCACHE_DECL void index_writer::forget(const digest& name, const std::string& path) {
  const auto mark = files_->table.mark_of(name);
  const auto target = files_->table.find(mark, &changes_);
  if (!target || target->value.mark != mark) return;
  const auto chain = read_chain(log_, target->value.head, name);
  if (const auto gone = chain.find(path); gone != chain.records.end()) relink(*target, chain, gone, nullptr);
}

HUBCACHE_DECL void index_writer::flush() {
  std::error_code ec;
  if (!changes_.empty()) {
    log_.flush(ec);
    // In ascending order: no slot is ever there before those that a probe has to pass.
    std::vector<std::pair<std::uint64_t, slot>> changes(changes_.begin(), changes_.end());
    std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto change = changes.begin(); change != changes.end() && !ec; ++change) {
      files_->table.store(change->first, change->second, ec);
    }
    changes_.clear();
    now_.counts.log = log_.end();
    if (!ec) files_->table.store_counts(now_.counts, ec);
  }
  if (ec) {
    failed_ = true;
    now_ = visible_;
  }
  visible_ = now_;
}

/// The slot for `mark`, which is used from now on.
HUBCACHE_DECL std::optional<seen_slot> index_writer::slot_for(std::uint64_t mark) {
  auto target = files_->table.find(mark, &changes_);
  if (target && target->value.mark == mark) return target;
  const bool full = !target || now_.counts.used >= files_->table.slots() / 20 * 13;
  if (full && grow()) target = files_->table.find(mark);
  if (target) {
    target->value.mark = mark;
    ++now_.counts.used;
  }
  return target;
}

/// Lets `target` show `chain` without `gone` and, on top, `added` if any. What lies above `gone` is written
/// again, since no record is ever changed.
HUBCACHE_DECL void index_writer::relink(seen_slot target, const record_chain& chain,
                                        record_chain::iterator gone, const index_record* added) {
  auto& counts = now_.counts;
  auto& head = target.value.head;
  const auto& records = chain.records;
  const bool replaces = gone != records.end();
  if (records.empty()) head = 0;
  if (replaces) head = gone->previous;
  for (auto above = replaces ? gone : records.begin(); above != records.begin();) {
    --above;
    head = log_.add(above->record, head);
    counts.dead += above->length;
  }
  if (added != nullptr) {
    head = log_.add(*added, head);
    ++counts.live;
  } else {
    const auto end = log_.end();
    log_.add(gone->record, 0, record_kind::forgotten);
    counts.dead += log_.end() - end;
  }
  if (replaces || records.size() == max_places) {
    counts.dead += replaces ? gone->length : records.back().length;
    counts.live -= std::min<std::uint64_t>(counts.live, 1);
  }
  changes_[target.at] = target.value;
  if (log_.unwritten() >= record_log::block) flush();
}

/// Gives the index a table of `shape` at `path`: `fill(builder, ec)` adds its slots and returns its counts.
template <class Fill>
void publish_table(const std::string& folder, const std::string& path, const table_shape& shape,
                   std::error_code& ec, Fill fill) {
  const auto temporary = temporary_in(folder);
  {
    table_builder builder(temporary, shape, ec);
    if (!ec) {
      const table_counts counts = fill(builder);
      builder.finish(counts, ec);
    }
  }
  if (!ec) replace_table(path, temporary, ec);
  std::error_code ignored;
  if (ec) os::remove(temporary, ignored);
}

HUBCACHE_DECL bool index_writer::grow() {
  flush();
  auto shape = files_->table.shape();
  if (shape.log2_slots == slot_table::max_log2) return false;
  ++shape.log2_slots;
  std::error_code ec;
  publish_table(folder_, table_, shape, ec, [&](table_builder& builder) {
    each_slot_by_mark(files_->table, [&](const slot& s) {
      if (s.head != 0) builder.add(s, ec);
    });
    auto& counts = now_.counts;
    counts.used = builder.added();
    counts.live = std::max(counts.live, counts.used);
    return counts;
  });
  auto grown = ec ? nullptr : open_files(folder_, table_, access_);
  if (!grown) {
    now_ = visible_;
    return false;
  }
  if (table_ == table_path(folder_)) sweep_index(folder_, shape.log);
  files_ = std::move(grown);
  log_ = log_appender(files_->log);
  visible_ = now_;
  return true;
}

/// A new index of `folder`, which takes the place of the old one: `fill(writer)` stores its records. By the
/// holder of the lock only. @return None if that failed; then the old one is as it was.
template <class Fill>
std::shared_ptr<const index_files> renew_index(const std::string& folder, index_access access,
                                               unsigned log2_slots, Fill fill) {
  const table_shape shape{log2_slots, random_word(), random_word()};
  const auto temporary = temporary_in(folder);
  std::error_code ec;
  static_cast<void>(record_log::create(log_path(folder, shape.log), shape.log, ec));
  if (!ec) publish_table(folder, temporary, shape, ec, [](table_builder&) { return table_counts{}; });
  auto files = ec ? nullptr : open_files(folder, temporary, access);
  bool whole = false;
  if (files) {
    index_writer fresh(folder, temporary, access, std::move(files));
    fill(fresh);
    fresh.flush();
    if (!fresh.failed()) replace_table(table_path(folder), temporary, ec);
    whole = !fresh.failed() && !ec;
  }
  if (!whole) {
    os::remove(temporary, ec);
    os::remove(log_path(folder, shape.log), ec);
    return nullptr;
  }
  sweep_index(folder, shape.log);
  return open_index(folder, access);
}

/// The logs in `folder`, the one that was written to last at the end.
HUBCACHE_DECL std::vector<std::string> logs_in(const std::string& folder) {
  std::error_code ec;
  std::multimap<std::int64_t, std::string> by_age;
  for (const auto& name : os::names_in(folder, ec)) {
    if (!name.starts_with("index-v2-") || !name.ends_with(".log")) continue;
    auto path = folder + "/" + name;
    const auto status = os::status(path, ec);
    by_age.emplace(status.identity.mtime_ns, std::move(path));
  }
  std::vector<std::string> paths;
  for (auto& [age, path] : by_age) paths.push_back(std::move(path));
  return paths;
}

HUBCACHE_DECL std::shared_ptr<const index_files> recover_index(const std::string& folder,
                                                               index_access access) {
  const auto logs = logs_in(folder);
  return renew_index(folder, access, slot_table::min_log2, [&logs](index_writer& fresh) {
    for (const auto& path : logs) {
      std::error_code ec;
      const auto log = record_log::open(path, index_access::copied, ec);
      if (ec) continue;
      record_cursor cursor(log);
      while (const auto next = cursor.next()) {
        if (next->kind == record_kind::place) {
          fresh.store(next->record);
        } else {
          fresh.forget(next->record.name, next->record.where.path);
        }
      }
    }
  });
}

HUBCACHE_DECL std::shared_ptr<const index_files> compact_index(const std::string& folder, index_access access,
                                                               std::shared_ptr<const index_files> files) {
  constexpr std::uint64_t worth_it = 1U << 20U;
  const auto counts = files->table.counts();
  if (counts.dead <= worth_it || counts.dead <= counts.log / 2) return files;
  const auto log2_slots = files->table.shape().log2_slots;
  auto compact = renew_index(folder, access, log2_slots, [&files](index_writer& fresh) {
    record_cursor cursor(files->log);
    while (const auto next = cursor.next()) {
      if (!is_newest(*files, *next)) continue;
      const auto chain = read_chain(files->log, next->offset, next->record.name).records;
      for (auto record = chain.rbegin(); record != chain.rend(); ++record) fresh.store(record->record);
    }
  });
  return compact ? compact : files;
}

}  // namespace hubcache::inline v0_1::detail
