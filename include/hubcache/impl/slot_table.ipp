#pragma once

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/slot_table.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <type_traits>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::uint64_t table_magic = 0x314C425458494348;  // "HCIXTBL1"
inline constexpr std::uint64_t slots_at = 4096;
inline constexpr std::uint64_t counts_at = 64;

struct table_head {
  std::uint64_t magic = table_magic;
  std::uint64_t byte_order = byte_order_mark;
  std::uint64_t log2_slots = 0;
  std::uint64_t seed = 0;
  log_id log = 0;
  std::array<std::uint64_t, 2> reserved{};
  std::uint64_t checksum = 0;  // of the bytes before
};
static_assert(sizeof(table_head) == counts_at && std::has_unique_object_representations_v<table_head>);
static_assert(sizeof(slot) == 16 && std::has_unique_object_representations_v<slot>);
static_assert(std::has_unique_object_representations_v<table_counts>);

HUBCACHE_DECL std::uint64_t table_checksum(const table_head& head) noexcept {
  return xxh3(std::as_bytes(std::span(&head, 1)).first(offsetof(table_head, checksum)));
}

HUBCACHE_DECL bool is_sound(const table_head& head, std::uint64_t file_size) noexcept {
  return head.magic == table_magic && head.byte_order == byte_order_mark &&
         head.checksum == table_checksum(head) && head.log2_slots >= slot_table::min_log2 &&
         head.log2_slots <= slot_table::max_log2 && file_size == slots_at + (sizeof(slot) << head.log2_slots);
}

/// A word that another process may be storing.
HUBCACHE_DECL std::uint64_t load_word(const std::byte* at) noexcept {
  // atomic_ref wants a mutable word in C++20; a load does not write.
  auto& word = *reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(at));
  return std::atomic_ref(word).load(std::memory_order_acquire);
}

}  // namespace detail

HUBCACHE_DECL slot_table slot_table::open(const std::string& path, std::error_code& ec) {
  slot_table table;
  table.file_ = detail::open_index_file(path, ec);
  if (ec) return {};
  const auto size = os::status(table.file_, ec).identity.size;
  detail::table_head head;
  if (!ec) static_cast<void>(os::read_at(table.file_, std::as_writable_bytes(std::span(&head, 1)), 0, ec));
  if (!ec && !detail::is_sound(head, size)) ec = std::make_error_code(std::errc::invalid_argument);
  if (!ec) table.view_ = os::mapped_file::map(table.file_, static_cast<std::size_t>(size), ec);
  if (ec) return {};
  table.shape_ = {static_cast<unsigned>(head.log2_slots), head.seed, head.log};
  return table;
}

HUBCACHE_DECL std::uint64_t slot_table::mark_of(const digest& name) const noexcept {
  return xxh3(name.bytes(), shape_.seed ^ static_cast<std::uint64_t>(name.algorithm())) | 1U;
}

HUBCACHE_DECL slot slot_table::load(std::uint64_t at) const noexcept {
  const auto* bytes = view_.bytes().data() + detail::slots_at + at * sizeof(slot);
  return {detail::load_word(bytes), detail::load_word(bytes + sizeof(std::uint64_t))};
}

HUBCACHE_DECL void slot_table::store(std::uint64_t at, const slot& value,
                                     std::error_code& ec) const noexcept {
  os::write_at(file_, std::as_bytes(std::span(&value, 1)), detail::slots_at + at * sizeof(slot), ec);
}

HUBCACHE_DECL table_counts slot_table::counts() const noexcept {
  const auto* bytes = view_.bytes().data() + detail::counts_at;
  table_counts result{detail::load_word(bytes), detail::load_word(bytes + 8), detail::load_word(bytes + 16)};
  result.used = std::min(result.used, slots());
  result.live = std::min(result.live, slots() * max_places);
  result.dead = std::min(result.dead, detail::max_log_size);
  return result;
}

HUBCACHE_DECL void slot_table::store_counts(const table_counts& counts, std::error_code& ec) const noexcept {
  os::write_at(file_, std::as_bytes(std::span(&counts, 1)), detail::counts_at, ec);
}

HUBCACHE_DECL bool slot_table::superseded() const noexcept {
  std::error_code ec;
  return os::status(file_, ec).links == 0;
}

HUBCACHE_DECL table_builder::table_builder(const std::string& path, const table_shape& shape,
                                           std::error_code& ec)
    : file_(os::create_new(path, 0600, ec)), shape_(shape) {
  if (!ec) os::resize(file_, detail::slots_at + (sizeof(slot) << shape.log2_slots), ec);
}

HUBCACHE_DECL void table_builder::add(const slot& value, std::error_code& ec) {
  constexpr std::uint64_t block_slots = std::uint64_t{1} << 16U;
  const auto home = slot_table::home_of(value.mark, std::uint64_t{1} << shape_.log2_slots);
  const auto at = std::max(home, next_);
  if (at - home >= slot_table::probe_bound) return;
  if (at - first_ >= block_slots) {
    flush(ec);
    first_ = at;
  }
  block_.resize(static_cast<std::size_t>(at - first_));
  block_.push_back(value);
  next_ = at + 1;
  ++added_;
}

HUBCACHE_DECL void table_builder::finish(const table_counts& counts, std::error_code& ec) {
  flush(ec);
  if (!ec) os::write_at(file_, std::as_bytes(std::span(&counts, 1)), detail::counts_at, ec);
  detail::table_head head;
  head.log2_slots = shape_.log2_slots;
  head.seed = shape_.seed;
  head.log = shape_.log;
  head.checksum = detail::table_checksum(head);
  if (!ec) os::write_at(file_, std::as_bytes(std::span(&head, 1)), 0, ec);
}

HUBCACHE_DECL void table_builder::flush(std::error_code& ec) {
  const byte_view bytes = std::as_bytes(std::span(block_));
  if (!ec) os::write_at(file_, bytes, detail::slots_at + first_ * sizeof(slot), ec);
  block_.clear();
}

}  // namespace hubcache::inline v0_1
