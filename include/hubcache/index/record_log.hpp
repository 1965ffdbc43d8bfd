#pragma once
/// @file
/// The append-only log of mapped_index: every record checks itself, so bytes that were never written as a
/// record, or were written elsewhere, are never believed. hubcache's own format, version 1.
///
/// Words have the byte order of the host; a file of the other order is refused. A file is a head of 64 bytes,
/// then records at multiples of 32:
///
/// | at  | size | field                                                                             |
/// |-----|------|-----------------------------------------------------------------------------------|
/// | 0   | 8    | XXH3 of byte 8 to the end of the record; the seed: log id ^ offset ^ length << 40 |
/// | 8   | 4    | "HCR1"                                                                            |
/// | 12  | 4    | length, a multiple of 32                                                          |
/// | 16  | 2    | length of the path, 1 to 4096                                                     |
/// | 18  | 4    | a byte each: kind (1, a place), digest algorithm, trust, mutability               |
/// | 22  | 2    | zero                                                                              |
/// | 24  | 8    | previous: a lower offset, of an earlier record of the same digest; or 0           |
/// | 32  | 40   | device, inode, size, mtime, ctime of the file                                     |
/// | 72  | 32   | digest                                                                            |
/// | 104 |      | path, then zeros                                                                  |
///
/// The checksum finds accidents; it stops nobody who may write the file.

#include <hubcache/index/content_index.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace hubcache::inline v0_1 {

inline constexpr std::size_t max_record_path = 4096;
inline constexpr std::size_t record_alignment = 32;
inline constexpr std::size_t max_record_size = 4224;  ///< 104 + max_record_path, aligned.

/// Tells one log from all others; random.
using log_id = std::uint64_t;

/// Where a record lies: which log, and how many bytes from its start.
struct record_position {
  log_id log = 0;
  std::uint64_t offset = 0;
};

/// A record as it stands in a log.
struct logged_record {
  logged_record() = default;

  index_record record;
  std::uint64_t previous = 0;  ///< Offset of the record before it in its chain, or 0. Below its own offset.
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
                                                      record_position at) noexcept;

/// The length of the record that starts with `bytes`, or 0 if none does. Not yet a reason to believe it.
[[nodiscard]] HUBCACHE_DECL std::size_t record_length(byte_view bytes) noexcept;

/// The record that starts with `bytes` (as many as record_length() says, at least) and was written for
/// position `at`; anything else is none. Pure. `bytes` must not change meanwhile: decode a copy.
[[nodiscard]] HUBCACHE_DECL std::optional<logged_record> decode_record(byte_view bytes, record_position at);

/// An open log. Any thread may read while one appends.
class record_log {
 public:
  record_log() noexcept = default;

  /// A new file, which must not exist, readable and writable by this user only.
  [[nodiscard]] HUBCACHE_DECL static record_log create(const std::string& path, log_id id,
                                                       std::error_code& ec);
  /// An existing one. One that is not `id`, not this user's, or writable by others is refused
  /// (std::errc::invalid_argument); one that may not be written is opened for reading.
  [[nodiscard]] HUBCACHE_DECL static record_log open(const std::string& path, log_id id, std::error_code& ec);

  [[nodiscard]] log_id id() const noexcept { return id_; }

  /// The record at `offset`, which may be any number, or none.
  [[nodiscard]] HUBCACHE_DECL std::optional<logged_record> read(std::uint64_t offset) const;

  /// Where the next record goes.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t end(std::error_code& ec) const noexcept;
  /// Writes a record at `offset`, an end(). @return Its length; 0 if it was not written.
  [[nodiscard]] HUBCACHE_DECL std::size_t write(const index_record& record, std::uint64_t previous,
                                                std::uint64_t offset) const noexcept;

 private:
  os::descriptor file_;
  log_id id_ = 0;
};

namespace detail {

inline constexpr std::uint64_t byte_order_mark = 0x0102030405060708;  // in the head of each file
inline constexpr std::uint64_t max_log_size = std::uint64_t{1} << 62U;

/// Opens a file of the index for reading, and for writing where allowed. Only this user's own regular files
/// that nobody else may write are opened; others are std::errc::invalid_argument.
[[nodiscard]] HUBCACHE_DECL os::descriptor open_index_file(const std::string& path, std::error_code& ec);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/record_log.ipp>
#endif
