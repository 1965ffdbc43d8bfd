#pragma once
/// @file
/// The append-only log of mapped_index: every record checks itself, so bytes that were never written as a
/// record, or were written elsewhere, are never believed. Read from its start, it tells all that was inserted
/// and forgotten, in order: what a lost table is made from again. hubcache's own format, version 2.
///
/// Words have the byte order of the host; a file of the other order is refused. A file is a head of 64 bytes,
/// then records at multiples of 32:
///
/// | at  | size | field                                                                             |
/// |-----|------|-----------------------------------------------------------------------------------|
/// | 0   | 8    | XXH3 of byte 8 to the end of the record; the seed: log id ^ offset ^ length << 40 |
/// | 8   | 4    | "HCR2"                                                                            |
/// | 12  | 4    | length, a multiple of 32                                                          |
/// | 16  | 2    | length of the path, 1 to 4096                                                     |
/// | 18  | 4    | a byte each: kind (1 a place, 2 forgotten), digest algorithm, trust, mutability   |
/// | 22  | 2    | written as zero, not looked at                                                    |
/// | 24  | 8    | previous: a lower offset, of an earlier record of the same digest; or 0           |
/// | 32  | 40   | device, inode, size, mtime, ctime of the file                                     |
/// | 72  | 8    | fingerprint                                                                       |
/// | 80  | 8    | written as zero, not looked at                                                    |
/// | 88  | 32   | digest                                                                            |
/// | 120 |      | path, then zeros                                                                  |
///
/// The checksum finds accidents; it stops nobody who may write the file.

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/index_file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

inline constexpr std::size_t max_record_path = 4096;  ///< Bytes of the longest path that is recorded.
inline constexpr std::size_t record_alignment =
    32;  ///< Of which offset and length of a record are multiples, in bytes.
inline constexpr std::size_t max_record_size = 4224;  ///< 120 + max_record_path, aligned.
inline constexpr std::uint64_t first_record = 64;     ///< Offset of the first record of a log.

/// Tells one log from all others; random.
using log_id = std::uint64_t;

/// Where a record lies: which log, and how many bytes from its start.
struct record_position {
  log_id log = 0;            ///< Which log.
  std::uint64_t offset = 0;  ///< Bytes from its start.
};

/// What a record says.
enum class record_kind : std::uint8_t {
  place = 1,      ///< The content lies there.
  forgotten = 2,  ///< The content does not lie at this path any more; the other fields are void.
};

/// A record as it stands in a log.
struct logged_record {
  logged_record() = default;

  index_record record;                    ///< A digest and a place.
  record_kind kind = record_kind::place;  ///< What it says of them.
  std::uint64_t offset = 0;    ///< Its own.
  std::uint64_t previous = 0;  ///< Offset of the record before it in its chain, or 0. Below its own.
  std::uint32_t length = 0;    ///< Bytes in the log.

  friend bool operator==(const logged_record&, const logged_record&) = default;
};
static_assert(!std::is_aggregate_v<logged_record>);

/// Whether a log takes `path`: absolute, at most 4096 bytes, without NUL and without a ".." segment.
[[nodiscard]] HUBCACHE_DECL bool is_recordable_path(std::string_view path) noexcept;

/// Writes the record for position `at` into `into`.
/// @return Its length, or 0 if its path is not recordable or `previous` is not below the offset.
[[nodiscard]] HUBCACHE_DECL std::size_t encode_record(std::span<std::byte, max_record_size> into,
                                                      const index_record& record, std::uint64_t previous,
                                                      record_position at,
                                                      record_kind kind = record_kind::place) noexcept;

/// The length of the record that starts with `bytes`, or 0 if none does. Not yet a reason to believe it.
[[nodiscard]] HUBCACHE_DECL std::size_t record_length(byte_view bytes) noexcept;

/// The record that starts with `bytes` (as many as record_length() says, at least) and was written for
/// position `at`; anything else is none. Pure. `bytes` must not change meanwhile: decode a copy.
[[nodiscard]] HUBCACHE_DECL std::optional<logged_record> decode_record(byte_view bytes, record_position at);

/// An open log. Any thread may read while one appends.
class record_log {
 public:
  static constexpr std::size_t block = std::size_t{1} << 20U;  ///< Bytes that are read or written at once.

  record_log() noexcept = default;

  /// A new file, which must not exist, readable and writable by this user only.
  [[nodiscard]] HUBCACHE_DECL static record_log create(const std::string& path, log_id id,
                                                       std::error_code& ec);
  /// An existing one. One that is damaged at its head, not this user's, or writable by others is refused
  /// (std::errc::invalid_argument); one that may not be written is opened for reading.
  [[nodiscard]] HUBCACHE_DECL static record_log open(const std::string& path, index_access access,
                                                     std::error_code& ec);

  /// Which log it is.
  [[nodiscard]] log_id id() const noexcept { return id_; }

  /// The record at `offset`, which may be any number, or none.
  [[nodiscard]] HUBCACHE_DECL std::optional<logged_record> read(std::uint64_t offset) const;

  /// Bytes of the file.
  [[nodiscard]] std::uint64_t size(std::error_code& ec) const noexcept { return file_.size(ec); }
  /// Where the next record goes.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t end(std::error_code& ec) const noexcept;

 private:
  friend class record_cursor;
  friend class log_appender;

  detail::index_file file_;
  log_id id_ = 0;
};

/// Reads a log from its start to where it ended when the cursor was made, in large blocks; needs 1 MiB.
class record_cursor {
 public:
  /// `log` must outlive the cursor.
  HUBCACHE_DECL explicit record_cursor(const record_log& log);

  /// The next record that checks out; whatever lies between is skipped. None at the end.
  [[nodiscard]] HUBCACHE_DECL std::optional<logged_record> next();

 private:
  [[nodiscard]] HUBCACHE_DECL byte_view ahead();

  const record_log& log_;
  std::uint64_t at_ = first_record;
  std::uint64_t end_ = 0;
  std::uint64_t block_at_ = 0;  // offset of block_[0]
  std::vector<std::byte> block_;
};

/// Appends to a log in large writes. One at a time for each log.
class log_appender {
 public:
  /// `log` must outlive the appender.
  HUBCACHE_DECL explicit log_appender(const record_log& log);

  /// Appends a record to the buffer that write() writes. @return Its offset, or 0 if it cannot be recorded.
  HUBCACHE_DECL std::uint64_t add(const index_record& record, std::uint64_t previous,
                                  record_kind kind = record_kind::place);
  /// The record at `offset`, written or not.
  [[nodiscard]] HUBCACHE_DECL std::optional<logged_record> read(std::uint64_t offset) const;
  /// Bytes that are not written yet.
  [[nodiscard]] std::size_t unwritten() const noexcept { return block_.size(); }
  /// Where the next record goes.
  [[nodiscard]] std::uint64_t end() const noexcept { return block_at_ + block_.size(); }
  /// Writes. If that fails, what was not written is given up, and its offsets will be used again.
  HUBCACHE_DECL void flush(std::error_code& ec);

 private:
  const record_log* log_;
  std::uint64_t block_at_ = 0;  // offset of block_[0]
  std::vector<std::byte> block_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/record_log.ipp>
#endif
