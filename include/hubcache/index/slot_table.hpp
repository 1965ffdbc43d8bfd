#pragma once
/// @file
/// The hash table of mapped_index: digest -> offset of its newest record in a log. Version 2.
///
/// A file is a head of 4096 bytes (at 0 what never changes, with a checksum; at 64 the counts; at 96 whether
/// it may have been superseded) and 2^n slots of 16: mark (XXH3 of algorithm and digest, seeded, odd), then
/// the offset. Both zero is a free slot; offset zero alone is one whose content is forgotten. A mark's home
/// is proportional to the mark, and a slot lies at most 255 behind its home; no probe wraps around. So slots
/// sorted by mark are a table of any size: growing is one pass over both files.
///
/// One writer at a time stores slots with pwrite; readers need no lock. A table never changes its size: a
/// bigger one is a new file that takes the name.

#include <hubcache/index/index_file.hpp>
#include <hubcache/index/record_log.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace hubcache::inline v0_1 {

/// One slot, as on disk.
struct slot {
  std::uint64_t mark = 0;  ///< Tells digests apart; 0: the slot is free.
  std::uint64_t head = 0;  ///< Offset of the newest record, or 0.
};

/// A slot and where it was seen.
struct seen_slot {
  std::uint64_t at = 0;  ///< Its number in the table.
  slot value;            ///< What it holds.
};

/// Slots that are not stored yet, by where they go.
using slot_changes = std::unordered_map<std::uint64_t, slot>;

/// What the writer counts. Hints, like everything here: a writer that dies leaves them behind the truth.
struct table_counts {
  std::uint64_t used = 0;  ///< Slots with a mark.
  std::uint64_t live = 0;  ///< Records to be found.
  std::uint64_t dead = 0;  ///< Bytes of the log that no chain reaches.
  std::uint64_t log = 0;   ///< Bytes of the log.
};

/// What a table is made for.
struct table_shape {
  unsigned log2_slots = 0;  ///< From slot_table::min_log2 to max_log2.
  std::uint64_t seed = 0;   ///< Of the marks; random.
  log_id log = 0;           ///< Where its offsets point.
};

/// An open table. Any thread may read while one writes.
class slot_table {
 public:
  static constexpr unsigned min_log2 = 10;           ///< log2 of the fewest slots.
  static constexpr unsigned max_log2 = 30;           ///< log2 of the most slots.
  static constexpr std::uint64_t probe_bound = 256;  ///< Slots from a home on where its marks may lie.

  slot_table() noexcept = default;

  /// An existing one. One that is damaged, not this user's, or writable by others is refused
  /// (std::errc::invalid_argument); one that may not be written is opened for reading.
  [[nodiscard]] HUBCACHE_DECL static slot_table open(const std::string& path, index_access access,
                                                     std::error_code& ec);

  /// What it was made for.
  [[nodiscard]] const table_shape& shape() const noexcept { return shape_; }
  /// Their number.
  [[nodiscard]] std::uint64_t slots() const noexcept { return std::uint64_t{1} << shape_.log2_slots; }
  /// The mark of `name` in this table; never 0.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t mark_of(const digest& name) const noexcept;
  /// Where the marks like `mark` begin; home + probe_bound <= slots().
  [[nodiscard]] static std::uint64_t home_of(std::uint64_t mark, std::uint64_t slots) noexcept {
    return ((mark >> 32U) * (slots - (probe_bound - 1))) >> 32U;
  }

  /// The slot of `mark`, or the free one for it (its mark is 0); none if there is neither within the probe
  /// bound. Looks at `changes` first. A write in progress may show half a slot.
  [[nodiscard]] HUBCACHE_DECL std::optional<seen_slot> find(
      std::uint64_t mark, const slot_changes* changes = nullptr) const noexcept;
  /// Writes the slot `at`. A reader may see half of it meanwhile.
  HUBCACHE_DECL void store(std::uint64_t at, const slot& value, std::error_code& ec) const noexcept;
  /// Visits every slot as a `seen_slot`, the free ones too, in order; those that cannot be read are free.
  template <class Visit>
  void each(Visit visit) const {
    std::vector<slot> block(std::size_t{1} << 12U);
    for (std::uint64_t first = 0; first < slots(); first += block.size()) {
      block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), slots() - first)));
      load(first, block);
      for (std::size_t i = 0; i < block.size(); ++i) visit(seen_slot{first + i, block[i]});
    }
  }

  /// Never more than the table and its log can hold.
  [[nodiscard]] HUBCACHE_DECL table_counts counts() const noexcept;
  /// Records them, for counts().
  HUBCACHE_DECL void store_counts(const table_counts& counts, std::error_code& ec) const noexcept;

  /// To be called before another file takes its name.
  HUBCACHE_DECL void retire(std::error_code& ec) const noexcept;
  /// Whether that was called, by any process: ask superseded().
  [[nodiscard]] HUBCACHE_DECL bool retired() const noexcept;
  /// Whether another file has taken its name, or it was removed. Costs a system call.
  [[nodiscard]] bool superseded() const noexcept { return file_.nameless(); }
  /// Bytes of the file.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t file_size() const noexcept;

 private:
  HUBCACHE_DECL void load(std::uint64_t first, std::span<slot> into) const noexcept;

  detail::index_file file_;
  table_shape shape_;
};

/// Writes a new table file: slots in ascending order of their marks, each once.
class table_builder {
 public:
  /// `path` must not exist; readable and writable by this user only.
  HUBCACHE_DECL table_builder(const std::string& path, const table_shape& shape, std::error_code& ec);

  /// Appends a slot; one that would lie too far from its home is dropped.
  HUBCACHE_DECL void add(const slot& value, std::error_code& ec);
  /// Slots added and not dropped.
  [[nodiscard]] std::uint64_t added() const noexcept { return added_; }
  /// Completes the file.
  HUBCACHE_DECL void finish(const table_counts& counts, std::error_code& ec);

 private:
  HUBCACHE_DECL void flush(std::error_code& ec);

  os::descriptor file_;
  table_shape shape_;
  std::uint64_t added_ = 0;
  std::uint64_t next_ = 0;   // first position still free
  std::uint64_t first_ = 0;  // position of block_[0]
  std::vector<slot> block_;  // what is not written yet
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/slot_table.ipp>
#endif
