#pragma once
/// @file
/// The hash table of mapped_index: digest -> offset of its newest record in a log. Version 1.
///
/// A file is a head of 4096 bytes and 2^n slots of 16: mark (XXH3 of algorithm and digest, seeded, odd), then
/// the offset. Both zero is a free slot; offset zero alone is one whose content is forgotten. A mark's home
/// is proportional to the mark, and a slot lies at most 255 behind its home; no probe wraps around. So slots
/// sorted by mark are a table of any size: growing is one pass over both files.
///
/// One writer at a time stores slots with pwrite, readers look through a read-only mapping. A table never
/// changes its size: a bigger one is a new file that takes the name.

#include <hubcache/index/record_log.hpp>
#include <hubcache/os/mapped_file.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace hubcache::inline v0_1 {

/// One slot, as on disk.
struct slot {
  std::uint64_t mark = 0;
  std::uint64_t head = 0;  ///< Offset of the newest record, or 0.
};

/// What the writer counts. Hints, like everything here: a writer that dies leaves them behind the truth.
struct table_counts {
  std::uint64_t used = 0;  ///< Slots with a mark.
  std::uint64_t live = 0;  ///< Records to be found.
  std::uint64_t dead = 0;  ///< Bytes of the log that no chain reaches.
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
  static constexpr unsigned min_log2 = 10;
  static constexpr unsigned max_log2 = 30;
  static constexpr std::uint64_t probe_bound = 256;  ///< Slots from a home on where its marks may lie.

  slot_table() noexcept = default;

  /// An existing one. One that is damaged, not this user's, or writable by others is refused
  /// (std::errc::invalid_argument); one that may not be written is opened for reading.
  [[nodiscard]] HUBCACHE_DECL static slot_table open(const std::string& path, std::error_code& ec);

  [[nodiscard]] const table_shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::uint64_t slots() const noexcept { return std::uint64_t{1} << shape_.log2_slots; }
  /// The mark of `name` in this table; never 0.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t mark_of(const digest& name) const noexcept;
  /// Where the marks like `mark` begin; home + probe_bound <= slots().
  [[nodiscard]] static std::uint64_t home_of(std::uint64_t mark, std::uint64_t slots) noexcept {
    return ((mark >> 32U) * (slots - (probe_bound - 1))) >> 32U;
  }

  /// Slot `at` < slots(), as it is now; a write in progress may show half.
  [[nodiscard]] HUBCACHE_DECL slot load(std::uint64_t at) const noexcept;
  HUBCACHE_DECL void store(std::uint64_t at, const slot& value, std::error_code& ec) const noexcept;

  /// Never more than the table and its log can hold.
  [[nodiscard]] HUBCACHE_DECL table_counts counts() const noexcept;
  HUBCACHE_DECL void store_counts(const table_counts& counts, std::error_code& ec) const noexcept;

  /// Whether another file has taken its name, or its folder is gone.
  [[nodiscard]] HUBCACHE_DECL bool superseded() const noexcept;

 private:
  os::descriptor file_;
  os::mapped_file view_;
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
