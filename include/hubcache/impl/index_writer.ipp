#pragma once

#include <hubcache/index/index_writer.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL std::string table_path(const std::string& folder) { return folder + "/index-v1.table"; }

HUBCACHE_DECL std::string log_name(log_id id) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), id, 16).ptr;
  return std::string("index-v1-").append(digits.data(), end).append(".log");
}

HUBCACHE_DECL std::string log_path(const std::string& folder, log_id id) {
  return folder + "/" + log_name(id);
}

HUBCACHE_DECL std::uint64_t random_word() {
  const auto digits = os::random_hex(16);
  std::uint64_t word = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), word, 16);
  return word;
}

HUBCACHE_DECL std::shared_ptr<const index_files> open_index(const std::string& folder) {
  // A writer may replace both between the two opens.
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::error_code ec;
    index_files files;
    files.table = slot_table::open(table_path(folder), ec);
    if (ec) return nullptr;
    const auto id = files.table.shape().log;
    files.log = record_log::open(log_path(folder, id), id, ec);
    if (!ec) return std::make_shared<const index_files>(std::move(files));
  }
  return nullptr;
}

/// Removes what writers left that died or were superseded; a file of another version never.
HUBCACHE_DECL void sweep_index(const std::string& folder, log_id keep) {
  std::error_code ec;
  for (const auto& name : os::names_in(folder, ec)) {
    if (name.starts_with("index-v1-") && name != log_name(keep)) os::remove(folder + "/" + name, ec);
  }
}

/// Gives the index a new table of `shape`: `fill(builder, ec)` adds its slots and returns its counts. By the
/// holder of the lock only. @return The new files; none if that failed, and then the old are untouched.
template <class Fill>
std::shared_ptr<const index_files> publish_table(const std::string& folder, const table_shape& shape,
                                                 Fill fill) {
  const auto temporary = folder + "/index-v1-" + os::random_hex(16) + ".tmp";
  std::error_code ec;
  {
    table_builder builder(temporary, shape, ec);
    if (!ec) {
      const table_counts counts = fill(builder, ec);
      builder.finish(counts, ec);
    }
  }
  if (!ec) os::rename(temporary, table_path(folder), ec);
  if (ec) {
    os::remove(temporary, ec);
    return nullptr;
  }
  sweep_index(folder, shape.log);
  return open_index(folder);
}

HUBCACHE_DECL std::shared_ptr<const index_files> create_index(const std::string& folder) {
  constexpr unsigned first_log2 = 12;
  const table_shape shape{first_log2, random_word(), random_word()};
  std::error_code ec;
  static_cast<void>(record_log::create(log_path(folder, shape.log), shape.log, ec));
  if (ec) return nullptr;
  return publish_table(folder, shape, [](table_builder&, std::error_code&) { return table_counts{}; });
}

HUBCACHE_DECL std::optional<seen_slot> find_slot(const slot_table& table, std::uint64_t mark) noexcept {
  const auto home = slot_table::home_of(mark, table.slots());
  for (auto at = home; at < home + slot_table::probe_bound; ++at) {
    const auto have = table.load(at);
    if (have.mark == mark || (have.mark == 0 && have.head == 0)) return seen_slot{at, have};
  }
  return std::nullopt;
}

HUBCACHE_DECL record_chain::const_iterator with_path(const record_chain& chain, std::string_view path) {
  return std::find_if(chain.begin(), chain.end(),
                      [path](const logged_record& r) { return r.record.where.path == path; });
}

HUBCACHE_DECL record_chain read_chain(const record_log& log, std::uint64_t head) {
  record_chain chain;
  for (std::size_t n = 0; n < max_places && head != 0; ++n) {
    auto next = log.read(head);
    if (!next || (!chain.empty() && next->record.name != chain.front().record.name)) break;
    head = next->previous;
    if (with_path(chain, next->record.where.path) == chain.end()) chain.push_back(std::move(*next));
  }
  return chain;
}

HUBCACHE_DECL record_chain read_chain(const record_log& log, std::uint64_t head, const digest& name) {
  auto chain = read_chain(log, head);
  if (!chain.empty() && chain.front().record.name != name) chain.clear();
  return chain;
}

/// Visits the slots in ascending order of mark: runs of used slots are, and each is sorted by itself.
template <class Visit>
void each_slot_by_mark(const slot_table& table, Visit visit) {
  std::vector<slot> run;
  const auto less = [](const slot& a, const slot& b) { return a.mark < b.mark; };
  for (std::uint64_t at = 0; at <= table.slots(); ++at) {
    const auto next = at < table.slots() ? table.load(at) : slot{};
    if (next.mark != 0) {
      run.push_back(next);
      continue;
    }
    std::sort(run.begin(), run.end(), less);
    for (const auto& s : run) visit(s);
    run.clear();
  }
}

HUBCACHE_DECL index_writer::index_writer(const std::string& folder, std::shared_ptr<const index_files> files)
    : folder_(folder) {
  adopt(std::move(files));
}

HUBCACHE_DECL void index_writer::adopt(std::shared_ptr<const index_files> files) {
  files_ = std::move(files);
  counts_ = files_->table.counts();
  std::error_code ec;
  end_ = files_->log.end(ec);
}

HUBCACHE_DECL bool index_writer::store(const index_record& record) {
  const auto mark = files_->table.mark_of(record.name);
  auto target = slot_for(mark);
  if (!target) return false;
  const auto chain = read_chain(files_->log, target->value.head, record.name);
  const auto same = with_path(chain, record.where.path);
  if (same != chain.end() && same->record == record) return true;
  target->value.mark = mark;
  return relink(*target, chain, same, &record);
}

HUBCACHE_DECL void index_writer::forget(const digest& name, const std::string& path) {
  const auto target = find_slot(files_->table, files_->table.mark_of(name));
  if (!target) return;
  const auto chain = read_chain(files_->log, target->value.head, name);
  const auto gone = with_path(chain, path);
  if (gone != chain.end()) relink(*target, chain, gone, nullptr);
}

HUBCACHE_DECL std::shared_ptr<const index_files> index_writer::finish() {
  constexpr std::uint64_t worth_compacting = 1U << 20U;
  std::error_code ec;
  files_->table.store_counts(counts_, ec);
  if (counts_.dead > worth_compacting && counts_.dead > end_ / 2) compact();
  return files_;
}

HUBCACHE_DECL std::optional<seen_slot> index_writer::slot_for(std::uint64_t mark) {
  const auto target = find_slot(files_->table, mark);
  if (target && target->value.mark == mark) return target;
  const bool full = !target || counts_.used >= files_->table.slots() / 20 * 13;
  return full && grow() ? find_slot(files_->table, mark) : target;
}

/// @return The record's offset, or 0 if it could not be written.
HUBCACHE_DECL std::uint64_t index_writer::append(const index_record& record, std::uint64_t previous) {
  const auto length = files_->log.write(record, previous, end_);
  return length == 0 ? 0 : std::exchange(end_, end_ + length);
}

/// Lets `target` show `chain` without `gone` and, on top, `added` if any. What lies above `gone` is written
/// again, since no record is ever changed.
HUBCACHE_DECL bool index_writer::relink(seen_slot target, const record_chain& chain,
                                        record_chain::const_iterator gone, const index_record* added) {
  auto counts = counts_;
  auto& head = target.value.head;
  const bool replaces = gone != chain.end();
  if (chain.empty()) head = 0;
  if (replaces) head = gone->previous;
  for (auto above = replaces ? gone : chain.begin(); above != chain.begin();) {
    --above;
    head = append(above->record, head);
    if (head == 0) return false;
    counts.dead += above->length;
  }
  if (added != nullptr) {
    head = append(*added, head);
    if (head == 0) return false;
    ++counts.live;
  }
  if (replaces || chain.size() == max_places) {
    counts.dead += replaces ? gone->length : chain.back().length;
    counts.live -= std::min<std::uint64_t>(counts.live, 1);
  }
  if (files_->table.load(target.at).mark == 0) ++counts.used;
  std::error_code ec;
  files_->table.store(target.at, target.value, ec);
  if (!ec) counts_ = counts;
  return !ec;
}

HUBCACHE_DECL bool index_writer::grow() {
  auto shape = files_->table.shape();
  if (shape.log2_slots == slot_table::max_log2) return false;
  ++shape.log2_slots;
  auto grown = publish_table(folder_, shape, [this](table_builder& builder, std::error_code& ec) {
    each_slot_by_mark(files_->table, [&](const slot& s) {
      if (s.head != 0) builder.add(s, ec);
    });
    auto counts = counts_;
    counts.used = builder.added();
    counts.live = std::max(counts.live, counts.used);
    return counts;
  });
  if (!grown) return false;
  adopt(std::move(grown));
  return true;
}

HUBCACHE_DECL void index_writer::compact() {
  auto shape = files_->table.shape();
  shape.log = random_word();
  std::error_code ec;
  const auto log = record_log::create(log_path(folder_, shape.log), shape.log, ec);
  if (ec) return;
  auto compacted = publish_table(folder_, shape, [&](table_builder& builder, std::error_code& failure) {
    table_counts counts;
    each_slot_by_mark(files_->table, [&](slot s) {
      s.head = copy_chain(s.head, log, counts, failure);
      if (s.head != 0) builder.add(s, failure);
    });
    counts.used = builder.added();
    return counts;
  });
  if (compacted) {
    adopt(std::move(compacted));
  } else {
    os::remove(log_path(folder_, shape.log), ec);
  }
}

/// Appends the chain at `head` to `to`; returns its new head, or 0 if nothing of it is to be believed.
HUBCACHE_DECL std::uint64_t index_writer::copy_chain(std::uint64_t head, const record_log& to,
                                                     table_counts& counts, std::error_code& ec) const {
  const auto chain = read_chain(files_->log, head);
  std::uint64_t copied = 0;
  for (auto record = chain.rbegin(); record != chain.rend() && !ec; ++record) {
    const auto end = to.end(ec);
    if (!ec && to.write(record->record, copied, end) == 0) ec = std::make_error_code(std::errc::io_error);
    copied = end;
    ++counts.live;
  }
  return copied;
}

}  // namespace hubcache::inline v0_1::detail
