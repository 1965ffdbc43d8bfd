#pragma once

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/slot_table.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::uint64_t table_magic = 0x324C425458494348;  // "HCIXTBL2"
inline constexpr std::uint64_t slots_at = 4096;
inline constexpr std::uint64_t counts_at = 64;
inline constexpr std::uint64_t retired_at = counts_at + sizeof(table_counts);
inline constexpr std::uint64_t slots_per_look = 4;  // a cache line's worth
static_assert(slot_table::probe_bound % slots_per_look == 0);

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

}  // namespace detail

HUBCACHE_DECL slot_table slot_table::open(const std::string& path, index_access access, std::error_code& ec) {
  slot_table table;
  table.file_ = detail::index_file::open(path, access, ec);
  if (ec) return {};
  detail::table_head head;
  static_cast<void>(table.file_.read_on(0, std::as_writable_bytes(std::span(&head, 1))));
  if (!detail::is_sound(head, table.file_.size(ec)) && !ec) {
    ec = std::make_error_code(std::errc::invalid_argument);
  }
  if (ec) return {};
  table.shape_ = {static_cast<unsigned>(head.log2_slots), head.seed, head.log};
  return table;
}

HUBCACHE_DECL std::uint64_t slot_table::mark_of(const digest& name) const noexcept {
  return xxh3(name.bytes(), shape_.seed ^ static_cast<std::uint64_t>(name.algorithm())) | 1U;
}

HUBCACHE_DECL std::optional<seen_slot> slot_table::find(std::uint64_t mark,
                                                        const slot_changes* changes) const noexcept {
  const auto home = home_of(mark, slots());
  for (auto at = home; at < home + probe_bound;) {
    std::array<slot, detail::slots_per_look> seen{};
    static_cast<void>(
        file_.read(detail::slots_at + at * sizeof(slot), std::as_writable_bytes(std::span(seen))));
    for (auto& here : seen) {
      if (changes != nullptr) {
        if (const auto changed = changes->find(at); changed != changes->end()) here = changed->second;
      }
      if (here.mark == mark || (here.mark == 0 && here.head == 0)) return seen_slot{at, here};
      ++at;
    }
  }
  return std::nullopt;
}

HUBCACHE_DECL void slot_table::store(std::uint64_t at, const slot& value,
                                     std::error_code& ec) const noexcept {
  file_.write(std::as_bytes(std::span(&value, 1)), detail::slots_at + at * sizeof(slot), ec);
}

HUBCACHE_DECL void slot_table::load(std::uint64_t first, std::span<slot> into) const noexcept {
  std::ranges::fill(into, slot{});
  static_cast<void>(file_.read_on(detail::slots_at + first * sizeof(slot), std::as_writable_bytes(into)));
}

HUBCACHE_DECL table_counts slot_table::counts() const noexcept {
  table_counts result;
  static_cast<void>(file_.read(detail::counts_at, std::as_writable_bytes(std::span(&result, 1))));
  result.used = std::min(result.used, slots());
  result.live = std::min(result.live, slots() * max_places);
  result.dead = std::min(result.dead, detail::max_log_size);
  return result;
}

HUBCACHE_DECL void slot_table::store_counts(const table_counts& counts, std::error_code& ec) const noexcept {
  file_.write(std::as_bytes(std::span(&counts, 1)), detail::counts_at, ec);
}

HUBCACHE_DECL void slot_table::retire(std::error_code& ec) const noexcept {
  constexpr std::uint64_t yes = 1;
  file_.write(std::as_bytes(std::span(&yes, 1)), detail::retired_at, ec);
}

HUBCACHE_DECL bool slot_table::retired() const noexcept {
  std::uint64_t word = 0;
  static_cast<void>(file_.read(detail::retired_at, std::as_writable_bytes(std::span(&word, 1))));
  return word != 0;
}

HUBCACHE_DECL std::uint64_t slot_table::file_size() const noexcept {
  return detail::slots_at + slots() * sizeof(slot);
}

HUBCACHE_DECL table_builder::table_builder(const std::string& path, const table_shape& shape,
                                           std::error_code& ec)
    : file_(os::create_new(path, 0600, ec)), shape_(shape) {
  if (!ec) os::resize(file_, detail::slots_at + (sizeof(slot) << shape.log2_slots), ec);
}

HUBCACHE_DECL void table_builder::add(const slot& value, std::error_code& ec) {
  // Small, so that the page cache keeps small pages: the slots are stored one by one later.
  constexpr std::uint64_t block_slots = std::uint64_t{1} << 10U;
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
