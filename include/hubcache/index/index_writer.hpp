#pragma once
/// @file
/// What mapped_index is made of: its open files, and the one who may change them.

#include <hubcache/index/record_log.hpp>
#include <hubcache/index/slot_table.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// A table and the log it points into.
struct index_files {
  slot_table table;
  record_log log;
};

/// The files of the index in `folder`; none if they are missing or not to be believed.
[[nodiscard]] HUBCACHE_DECL std::shared_ptr<const index_files> open_index(const std::string& folder);
/// New, empty files in place of whatever is there. By the holder of the lock only; none if that failed.
[[nodiscard]] HUBCACHE_DECL std::shared_ptr<const index_files> create_index(const std::string& folder);

/// A slot and where it was seen.
struct seen_slot {
  std::uint64_t at = 0;
  slot value;
};

/// The slot of `mark`, or the free one for it (its mark is 0); none if `table` has neither within the probe
/// bound.
[[nodiscard]] HUBCACHE_DECL std::optional<seen_slot> find_slot(const slot_table& table,
                                                               std::uint64_t mark) noexcept;

using record_chain = std::vector<logged_record>;

/// The records from `head` on, newest first: all of one digest, each path once. Ends where a record does not
/// check out. Records point to lower offsets, so it does end.
[[nodiscard]] HUBCACHE_DECL record_chain read_chain(const record_log& log, std::uint64_t head);
/// The same, empty if it is not of `name`.
[[nodiscard]] HUBCACHE_DECL record_chain read_chain(const record_log& log, std::uint64_t head,
                                                    const digest& name);

/// Changes the index. Made while the lock is held, on files that are current.
class index_writer {
 public:
  /// `folder` must outlive the writer.
  HUBCACHE_DECL index_writer(const std::string& folder, std::shared_ptr<const index_files> files);

  /// @return Whether the record is in the index now.
  HUBCACHE_DECL bool store(const index_record& record);
  HUBCACHE_DECL void forget(const digest& name, const std::string& path);
  /// @return The files, which may be others than at the start.
  HUBCACHE_DECL std::shared_ptr<const index_files> finish();

 private:
  HUBCACHE_DECL void adopt(std::shared_ptr<const index_files> files);
  HUBCACHE_DECL std::optional<seen_slot> slot_for(std::uint64_t mark);
  HUBCACHE_DECL std::uint64_t append(const index_record& record, std::uint64_t previous);
  HUBCACHE_DECL bool relink(seen_slot target, const record_chain& chain, record_chain::const_iterator gone,
                            const index_record* added);
  HUBCACHE_DECL bool grow();
  HUBCACHE_DECL void compact();
  HUBCACHE_DECL std::uint64_t copy_chain(std::uint64_t head, const record_log& to, table_counts& counts,
                                         std::error_code& ec) const;

  const std::string& folder_;
  std::shared_ptr<const index_files> files_;
  table_counts counts_;
  std::uint64_t end_ = 0;  // of the log
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/index_writer.ipp>
#endif
