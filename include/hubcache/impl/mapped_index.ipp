#pragma once

#include <hubcache/index/index_writer.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/os/lock.hpp>

#include <chrono>
#include <thread>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::vector<place> places_in(const index_files& files, const digest& name) {
  std::vector<place> places;
  const auto mark = files.table.mark_of(name);
  const auto seen = files.table.find(mark);
  if (!seen || seen->value.mark != mark) return places;
  auto chain = read_chain(files.log, seen->value.head, name);
  places.reserve(chain.records.size());
  for (auto& link : chain.records) places.push_back(std::move(link.record.where));
  return places;
}

}  // namespace detail

HUBCACHE_DECL mapped_index::~mapped_index() {
  try {
    flush();
  } catch (...) {  // NOLINT: what cannot be written is lost, as ever
  }
}

HUBCACHE_DECL std::vector<place> mapped_index::find(const digest& name) const {
  auto now = opened();
  if (!now || now->table.retired()) now = files();
  return now ? detail::places_in(*now, name) : std::vector<place>{};
}

HUBCACHE_DECL std::size_t mapped_index::insert(std::span<const index_record> records) {
  const std::lock_guard hold(writing_);
  const auto stored = write_soon([&](detail::index_writer& writer) {
    for (const auto& record : records) writer.store(record);
  });
  if (stored) return *stored;
  for (const auto& record : records) keep({record, false});
  return 0;
}

HUBCACHE_DECL void mapped_index::forget(const digest& name, const std::string& path) {
  const std::lock_guard hold(writing_);
  if (kept_.empty() && !files()) return;
  if (write([&](detail::index_writer& writer) { writer.forget(name, path); })) return;
  index_record record;
  record.name = name;
  record.where.path = path;
  keep({std::move(record), true});
}

HUBCACHE_DECL void mapped_index::flush() {
  const std::lock_guard hold(writing_);
  if (!kept_.empty()) write_soon([](detail::index_writer&) {});
  kept_.clear();
}

HUBCACHE_DECL void mapped_index::each(record_visitor visit) const {
  const auto now = files();
  if (!now) return;
  record_cursor cursor(now->log);
  while (const auto next = cursor.next()) {
    // At the newest record of a digest, its whole chain is visited.
    if (!detail::is_newest(*now, *next)) continue;
    if (!visit(next->record)) return;
    if (next->previous == 0) continue;
    const auto chain = detail::read_chain(now->log, next->offset, next->record.name);
    for (std::size_t i = 1; i < chain.records.size(); ++i) {
      if (!visit(chain.records[i].record)) return;
    }
  }
}

HUBCACHE_DECL std::uint64_t mapped_index::size() const {
  const auto now = files();
  return now ? now->table.counts().live : 0;
}

HUBCACHE_DECL index_report mapped_index::check() const { return detail::inspect_index(folder_, access_); }

HUBCACHE_DECL bool mapped_index::rebuild() {
  const std::lock_guard hold(writing_);
  bool done = false;
  locked([this, &done] {
    auto now = detail::recover_index(folder_, access_);
    done = now != nullptr;
    if (done) adopt(std::move(now));
  });
  return done;
}

HUBCACHE_DECL bool mapped_index::reset() {
  const std::lock_guard hold(writing_);
  bool done = false;
  locked([this, &done] {
    std::error_code ec;
    detail::remove_index(folder_, ec);
    done = !ec;
    adopt(nullptr);
    kept_.clear();
  });
  return done;
}

HUBCACHE_DECL void mapped_index::sweep() {
  const std::lock_guard hold(writing_);
  // Without a table all logs are what an index can be recovered from.
  if (!files()) return;
  locked([this] {
    if (const auto now = files()) detail::sweep_index(folder_, now->table.shape().log);
  });
}

HUBCACHE_DECL std::shared_ptr<const detail::index_files> mapped_index::opened() const {
  const std::lock_guard hold(opening_);
  return files_;
}

/// The current files, opened or reopened if need be.
HUBCACHE_DECL std::shared_ptr<const detail::index_files> mapped_index::files() const {
  auto now = opened();
  if (now && !now->table.superseded()) return now;
  now = detail::open_index(folder_, access_);
  adopt(now);
  return now;
}

HUBCACHE_DECL void mapped_index::adopt(std::shared_ptr<const detail::index_files> now) const {
  const std::lock_guard hold(opening_);
  files_ = std::move(now);
}

/// Runs `apply` as the one writer. @return false if another process is; true also if the folder cannot be
/// made or written, and `apply` was not run. The caller holds writing_.
template <class Apply>
bool mapped_index::locked(Apply apply) {
  std::error_code ec;
  // The state folder around it may be reached through a symlink, the index itself may not.
  const auto in = os::folder::make_below(os::parent_path(folder_), folder_, ec, 0700);
  if (ec) return true;
  const auto lock = os::file_lock::try_lock(in, folder_ + "/index-v2.lock", os::lock_mode::exclusive, ec);
  if (lock) apply();
  return lock || ec;
}

/// Makes the kept changes, then those of `apply(writer)`. @return How many records `apply` stored; none if
/// another process is writing. The caller holds writing_.
template <class Apply>
std::optional<std::size_t> mapped_index::write(Apply apply) {
  std::size_t stored = 0;
  const auto change_all = [&] {
    auto now = files();
    if (!now) now = detail::recover_index(folder_, access_);
    if (!now) return;
    detail::index_writer writer(folder_, detail::table_path(folder_), access_, std::move(now));
    for (const auto& [record, gone] : kept_) {
      if (gone) {
        writer.forget(record.name, record.where.path);
      } else {
        writer.store(record);
      }
    }
    writer.flush();
    const auto before = writer.stored();
    apply(writer);
    writer.flush();
    stored = writer.stored() - before;
    adopt(detail::compact_index(folder_, access_, writer.files()));
  };
  if (!locked(change_all)) return std::nullopt;
  kept_.clear();
  return stored;
}

/// The same, waiting a moment for other writers.
template <class Apply>
std::optional<std::size_t> mapped_index::write_soon(Apply apply) {
  constexpr int attempts = 50;
  constexpr std::chrono::milliseconds pause{2};
  for (int attempt = 1;; ++attempt) {
    const auto stored = write(apply);
    if (stored || attempt == attempts) return stored;
    std::this_thread::sleep_for(pause);
  }
}

/// Remembers a change for the next write; beyond the bound, changes are dropped.
HUBCACHE_DECL void mapped_index::keep(change later) {
  constexpr std::size_t max_kept = 1U << 16U;
  if (kept_.size() < max_kept) kept_.push_back(std::move(later));
}

}  // namespace hubcache::inline v0_1
