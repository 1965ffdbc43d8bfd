#pragma once
/// @file
/// What mapped_index is made of: its open files, and the one who may change them.

#include <hubcache/index/index_report.hpp>
#include <hubcache/index/record_log.hpp>
#include <hubcache/index/slot_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// A table and the log it points into.
struct index_files {
  slot_table table;
  record_log log;
};

/// The name of the table that counts.
[[nodiscard]] HUBCACHE_DECL std::string table_path(const std::string& folder);

/// The files of the index in `folder`; none if they are missing or not to be believed.
[[nodiscard]] HUBCACHE_DECL std::shared_ptr<const index_files> open_index(const std::string& folder,
                                                                          index_access access);
/// Whether `folder` has files of an index, whatever they are worth.
[[nodiscard]] HUBCACHE_DECL bool has_index_files(const std::string& folder);

/// The records of one digest, newest first, each path once.
struct record_chain {
  using iterator = std::vector<logged_record>::const_iterator;

  std::vector<logged_record> records;
  bool intact = true;  ///< All of it could be read.

  /// The record with `path`, or the end.
  [[nodiscard]] iterator find(std::string_view path) const {
    return std::find_if(records.begin(), records.end(),
                        [path](const logged_record& r) { return r.record.where.path == path; });
  }
};

/// The chain of `name` whose newest record lies at `head` of `log`, a record_log or a log_appender. It ends
/// before a record that does not check out or is of another digest. Records point to lower offsets, so it
/// does end.
template <class Log>
[[nodiscard]] record_chain read_chain(const Log& log, std::uint64_t head, const digest& name) {
  record_chain chain;
  for (std::size_t n = 0; n < max_places && head != 0; ++n) {
    auto next = log.read(head);
    chain.intact = next && next->kind == record_kind::place && next->record.name == name;
    if (!chain.intact) break;
    head = next->previous;
    if (chain.find(next->record.where.path) == chain.records.end()) {
      chain.records.push_back(std::move(*next));
    }
  }
  return chain;
}

/// Whether look-ups find `record` first among those of its digest.
[[nodiscard]] HUBCACHE_DECL bool is_newest(const index_files& files, const logged_record& record);

/// Changes an index. Made while the lock is held, on files that are current.
class index_writer {
 public:
  /// `files` lie in `folder`, their table at the path `table`.
  HUBCACHE_DECL index_writer(std::string folder, std::string table, index_access access,
                             std::shared_ptr<const index_files> files);

  HUBCACHE_DECL void store(const index_record& record);
  HUBCACHE_DECL void forget(const digest& name, const std::string& path);
  /// Makes all changes visible that are not yet. What cannot be written is given up.
  HUBCACHE_DECL void flush();

  /// How many of the records given to store() are in the index, as of the last flush().
  [[nodiscard]] std::size_t stored() const noexcept { return visible_.stored; }
  /// Whether something was given up.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] const std::shared_ptr<const index_files>& files() const noexcept { return files_; }

 private:
  struct progress {
    table_counts counts;
    std::size_t stored = 0;
  };

  HUBCACHE_DECL std::optional<seen_slot> slot_for(std::uint64_t mark);
  HUBCACHE_DECL void relink(seen_slot target, const record_chain& chain, record_chain::iterator gone,
                            const index_record* added);
  HUBCACHE_DECL bool grow();

  std::string folder_;
  std::string table_;
  index_access access_;
  std::shared_ptr<const index_files> files_;
  log_appender log_;
  slot_changes changes_;  // point to what log_ has not written yet
  progress now_;
  progress visible_;  // as of the last flush
  bool failed_ = false;
};

/// New files in place of whatever is there, with what the sound logs in `folder` tell. By the holder of the
/// lock only. @return None if they could not be written; then nothing was changed.
[[nodiscard]] HUBCACHE_DECL std::shared_ptr<const index_files> recover_index(const std::string& folder,
                                                                             index_access access);
/// New files for the index of `files` without its dead records, if they are worth it. By the holder of the
/// lock only. @return The files that are current now.
[[nodiscard]] HUBCACHE_DECL std::shared_ptr<const index_files> compact_index(
    const std::string& folder, index_access access, std::shared_ptr<const index_files> files);
/// Looks at every slot and record.
[[nodiscard]] HUBCACHE_DECL index_report inspect_index(const std::string& folder, index_access access);
/// No files any more. By the holder of the lock only.
HUBCACHE_DECL void remove_index(const std::string& folder, std::error_code& ec);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/index_report.ipp>
#include <hubcache/impl/index_writer.ipp>
#endif
