#pragma once
/// @file
/// The index on disk, shared by all processes of a user on one machine. Files in its folder, all disposable:
///
/// | name                    | holds                                                             |
/// |-------------------------|-------------------------------------------------------------------|
/// | index-v2.table          | the slot_table, which names its log: the only commit point        |
/// | `index-v2-<log id>.log` | the record_log                                                    |
/// | index-v2.lock           | the lock of the one writer                                        |
///
/// - Readers take no lock. A record is believed if it checks out and has the wanted digest.
/// - A writer appends records, then stores the slots that make them visible. Records of one digest form a chain
///   of live places, newest first: to replace or forget one, those above it are written again.
/// - A larger table (or a log without dead records) is written under another name, then renamed over
///   index-v2.table. A mark in the old one tells its readers to open the new one. No file is ever shortened.
/// - A process may be killed between any two instructions: what it had not made visible is lost, nothing
///   else. After a crash of the machine, records that did not reach the disk are misses; nothing is synced.
/// - Files that are malformed, shorter than they were, not this user's, or writable by others are ignored by
///   readers: the index is empty. The next writer makes new ones from the records of the logs that check out.
///   Files of other versions have other names and are left alone.

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/index_file.hpp>
#include <hubcache/index/index_report.hpp>
#include <hubcache/index/record_visitor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {
struct index_files;
class index_writer;
}  // namespace detail

/// Models content_index. Any thread, any process. On a network file system, another host's inserts may stay
/// unseen.
class mapped_index {
 public:
  /// An index in `folder`; neither needs to exist. Touches nothing: files are opened when first needed, the
  /// folder is created (mode 0700) by the first insert.
  explicit mapped_index(std::string folder, index_access access = index_access::copied) noexcept
      : folder_(std::move(folder)), access_(access) {}
  mapped_index(const mapped_index&) = delete;
  mapped_index& operator=(const mapped_index&) = delete;
  /// flush()es.
  HUBCACHE_DECL ~mapped_index();

  /// Three system calls or a few more: 3 to 5 us at 10 million records. Mapped, one to two us without a system call: a
  /// few cache misses and a checksum a place.
  [[nodiscard]] HUBCACHE_DECL std::vector<place> find(const digest& name) const;

  /// Not stored are records whose path is no is_recordable_path(), and all if the folder cannot be written.
  /// Waits at most 100 ms for other writers, so that others find what was published before its lock is free; records
  /// that cannot be written then are kept in memory (and not counted or found yet) until the next insert(), forget()
  /// or flush(). A large batch stores some 300,000 a second.
  HUBCACHE_DECL std::size_t insert(std::span<const index_record> records);
  /// Kept for later like inserts.
  HUBCACHE_DECL void forget(const digest& name, const std::string& path);
  /// Writes what was kept, waiting at most 100 ms for other writers; what cannot be written then is dropped.
  HUBCACHE_DECL void flush();

  /// One pass over the log, in 1 MiB of memory. The visitor may change the index. Records of a digest that
  /// changes meanwhile are visited or not.
  HUBCACHE_DECL void each(record_visitor visit) const;
  /// An estimate after a writer was killed. 0 if the files are not to be believed.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t size() const;

  /// Looks at every slot and record: about a second per million records, in 2 MiB of memory.
  [[nodiscard]] HUBCACHE_DECL index_report check() const;
  /// Writes the files anew from all records in the folder's logs that check out: the newest of each digest
  /// and path, nothing that was forgotten. The files that records name are not looked at.
  /// @return false if somebody else is writing, or the files cannot be written; then nothing was changed.
  HUBCACHE_DECL bool rebuild();
  /// Removes the files; readers keep what they have open. @return false as rebuild() does.
  HUBCACHE_DECL bool reset();
  /// Removes what writers left over that were killed, if nobody is writing.
  HUBCACHE_DECL void sweep();

 private:
  struct change {
    index_record record;
    bool forget = false;
  };

  [[nodiscard]] HUBCACHE_DECL std::shared_ptr<const detail::index_files> opened() const;
  [[nodiscard]] HUBCACHE_DECL std::shared_ptr<const detail::index_files> files() const;
  HUBCACHE_DECL void adopt(std::shared_ptr<const detail::index_files> now) const;
  template <class Apply>
  bool locked(Apply apply);
  template <class Apply>
  std::optional<std::size_t> write(Apply apply);
  template <class Apply>
  std::optional<std::size_t> write_soon(Apply apply);
  HUBCACHE_DECL void keep(change later);

  std::string folder_;
  index_access access_;
  mutable std::mutex opening_;                                // guards files_
  mutable std::shared_ptr<const detail::index_files> files_;  // null: none, or not opened yet
  std::mutex writing_;                                        // guards kept_; one writing thread at a time
  std::vector<change> kept_;
};
static_assert(content_index<mapped_index>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/mapped_index.ipp>
#endif
