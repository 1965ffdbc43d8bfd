#pragma once

#include <hubcache/index/index_writer.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/os/lock.hpp>

#include <chrono>
#include <thread>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL mapped_index::~mapped_index() {
  try {
    flush();
  } catch (...) {  // NOLINT: what cannot be written is lost, as ever
  }
}

HUBCACHE_DECL std::vector<place> mapped_index::find(const digest& name) const {
  std::vector<place> places;
  const auto now = files();
  if (!now) return places;
  const auto seen = detail::find_slot(now->table, now->table.mark_of(name));
  if (!seen) return places;
  auto chain = detail::read_chain(now->log, seen->value.head, name);
  places.reserve(chain.size());
  for (auto& link : chain) places.push_back(std::move(link.record.where));
  return places;
}

HUBCACHE_DECL std::size_t mapped_index::insert(std::span<const index_record> records) {
  const std::lock_guard hold(writing_);
  std::size_t stored = 0;
  const auto store_all = [&](detail::index_writer& writer) {
    for (const auto& record : records) stored += writer.store(record) ? 1U : 0U;
  };
  if (!write(store_all)) {
    for (const auto& record : records) keep({record, false});
  }
  return stored;
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
  constexpr int attempts = 10;
  constexpr std::chrono::milliseconds pause{10};
  const std::lock_guard hold(writing_);
  for (int attempt = 0; attempt < attempts && !kept_.empty(); ++attempt) {
    if (write([](detail::index_writer&) {})) return;
    std::this_thread::sleep_for(pause);
  }
  kept_.clear();
}

HUBCACHE_DECL void mapped_index::each(record_visitor visit) const {
  const auto now = files();
  if (!now) return;
  for (std::uint64_t at = 0; at < now->table.slots(); ++at) {
    const auto have = now->table.load(at);
    const auto chain = detail::read_chain(now->log, have.head);
    if (chain.empty() || now->table.mark_of(chain.front().record.name) != have.mark) continue;
    for (const auto& link : chain) {
      if (!visit(link.record)) return;
    }
  }
}

HUBCACHE_DECL std::uint64_t mapped_index::size() const {
  const auto now = files();
  return now ? now->table.counts().live : 0;
}

/// The current files, opened or reopened if need be.
HUBCACHE_DECL std::shared_ptr<const detail::index_files> mapped_index::files() const {
  std::shared_ptr<const detail::index_files> now;
  {
    const std::lock_guard hold(opening_);
    now = files_;
  }
  if (now && !now->table.superseded()) return now;
  now = detail::open_index(folder_);
  const std::lock_guard hold(opening_);
  files_ = now;
  return now;
}

/// Makes the kept changes, then those of `apply(writer)`. @return false if another process is writing; true
/// also if nothing can be written here at all. The caller holds writing_.
template <class Apply>
bool mapped_index::write(Apply apply) {
  std::error_code ec;
  if (const auto slash = folder_.rfind('/'); slash != folder_.npos && slash != 0) {
    os::make_directories(folder_.substr(0, slash), ec);
  }
  os::make_directories(folder_, ec, 0700);
  const auto lock = os::file_lock::try_lock(folder_ + "/index-v1.lock", os::lock_mode::exclusive, ec);
  if (!lock && !ec) return false;
  auto now = lock ? files() : nullptr;
  if (lock && !now) now = detail::create_index(folder_);
  if (now) {
    detail::index_writer writer(folder_, std::move(now));
    for (const auto& [record, gone] : kept_) {
      if (gone) {
        writer.forget(record.name, record.where.path);
      } else {
        writer.store(record);
      }
    }
    apply(writer);
    now = writer.finish();
    const std::lock_guard hold(opening_);
    files_ = std::move(now);
  }
  kept_.clear();
  return true;
}

/// Remembers a change for the next write; beyond the bound, changes are dropped.
HUBCACHE_DECL void mapped_index::keep(change later) {
  constexpr std::size_t max_kept = 1U << 16U;
  if (kept_.size() < max_kept) kept_.push_back(std::move(later));
}

}  // namespace hubcache::inline v0_1
