#pragma once

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/record_log.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::uint32_t record_magic = 0x32524348;       // "HCR2"
inline constexpr std::uint64_t log_magic = 0x32474F4C58494348;  // "HCIXLOG2"
inline constexpr std::uint64_t max_log_size = std::uint64_t{1} << 62U;

struct record_head {
  std::uint64_t checksum = 0;
  std::uint32_t magic = record_magic;
  std::uint32_t length = 0;
  std::uint16_t path_size = 0;
  std::uint8_t kind = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t state = 0;
  std::uint8_t store = 0;
  std::uint16_t reserved = 0;
  std::uint64_t previous = 0;
  os::file_identity identity;
  std::uint64_t fingerprint = 0;
  std::uint64_t reserved_too = 0;
  std::array<std::byte, digest::max_size> name{};
};
static_assert(sizeof(record_head) == 120 && std::has_unique_object_representations_v<record_head>);

struct log_head {
  std::uint64_t magic = log_magic;
  std::uint64_t byte_order = byte_order_mark;
  log_id id = 0;
  std::array<std::uint64_t, 4> reserved{};
  std::uint64_t checksum = 0;  // of the bytes before
};
static_assert(sizeof(log_head) == first_record && std::has_unique_object_representations_v<log_head>);

HUBCACHE_DECL std::uint64_t record_checksum(byte_view record, record_position at) noexcept {
  return xxh3(record.subspan(sizeof(record_head::checksum)),
              at.log ^ at.offset ^ (std::uint64_t{record.size()} << 40U));
}

HUBCACHE_DECL std::uint64_t log_checksum(const log_head& head) noexcept {
  return xxh3(std::as_bytes(std::span(&head, 1)).first(offsetof(log_head, checksum)));
}

HUBCACHE_DECL constexpr std::uint64_t aligned(std::uint64_t size) noexcept {
  return (size + (record_alignment - 1)) / record_alignment * record_alignment;
}
static_assert(aligned(sizeof(record_head) + max_record_path) == max_record_size);

/// Whether `head`, of a record for `at`, says nothing that a record cannot say.
HUBCACHE_DECL bool is_plausible(const record_head& head, record_position at) noexcept {
  const bool known = head.algorithm == static_cast<std::uint8_t>(digest_algorithm::sha256) ||
                     head.algorithm == static_cast<std::uint8_t>(digest_algorithm::git_sha1);
  return known && head.kind >= static_cast<std::uint8_t>(record_kind::place) &&
         head.kind <= static_cast<std::uint8_t>(record_kind::forgotten) &&
         head.state <= static_cast<std::uint8_t>(trust::verified) &&
         head.store <= static_cast<std::uint8_t>(mutability::mutable_store) && head.previous < at.offset &&
         head.length == aligned(sizeof head + head.path_size);
}

HUBCACHE_DECL bool may_be_record(std::uint64_t offset) noexcept {
  return offset >= first_record && offset < max_log_size && offset % record_alignment == 0;
}

}  // namespace detail

HUBCACHE_DECL bool is_recordable_path(std::string_view path) noexcept {
  if (!path.starts_with('/') || path.size() > max_record_path || path.find('\0') != path.npos) return false;
  for (auto at = path.find("/.."); at != path.npos; at = path.find("/..", at + 1)) {
    if (at + 3 == path.size() || path[at + 3] == '/') return false;
  }
  return true;
}

HUBCACHE_DECL std::size_t encode_record(std::span<std::byte, max_record_size> into,
                                        const index_record& record, std::uint64_t previous,
                                        record_position at, record_kind kind) noexcept {
  const std::string_view path = record.where.path;
  if (!is_recordable_path(path) || previous >= at.offset) return 0;
  detail::record_head head;
  const auto length = static_cast<std::size_t>(detail::aligned(sizeof head + path.size()));
  head.length = static_cast<std::uint32_t>(length);
  head.path_size = static_cast<std::uint16_t>(path.size());
  head.kind = static_cast<std::uint8_t>(kind);
  head.algorithm = static_cast<std::uint8_t>(record.name.algorithm());
  head.state = static_cast<std::uint8_t>(record.where.state);
  head.store = static_cast<std::uint8_t>(record.where.store);
  head.previous = previous;
  head.identity = record.where.identity;
  head.fingerprint = record.where.fingerprint;
  std::ranges::copy(record.name.bytes(), head.name.begin());

  const auto bytes = into.first(length);
  std::ranges::fill(bytes.last(record_alignment), std::byte{});
  std::memcpy(bytes.data(), &head, sizeof head);
  std::ranges::copy(as_byte_view(path), bytes.begin() + sizeof head);
  head.checksum = detail::record_checksum(bytes, at);
  std::memcpy(bytes.data(), &head.checksum, sizeof head.checksum);
  return length;
}

HUBCACHE_DECL std::size_t record_length(byte_view bytes) noexcept {
  detail::record_head head;
  if (bytes.size() < sizeof head) return 0;
  std::memcpy(&head, bytes.data(), sizeof head);
  const bool sound = head.magic == detail::record_magic && head.length % record_alignment == 0 &&
                     head.length > sizeof head && head.length <= max_record_size;
  return sound ? head.length : 0;
}

HUBCACHE_DECL std::optional<logged_record> decode_record(byte_view bytes, record_position at) {
  const auto length = record_length(bytes);
  if (length == 0 || length > bytes.size()) return std::nullopt;
  bytes = bytes.first(length);
  detail::record_head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (!detail::is_plausible(head, at) || head.checksum != detail::record_checksum(bytes, at))
    return std::nullopt;
  const auto path = bytes.subspan(sizeof head, head.path_size);
  const std::string_view text(reinterpret_cast<const char*>(path.data()), path.size());
  if (!is_recordable_path(text)) return std::nullopt;

  std::optional<logged_record> result(std::in_place);
  result->record.name = digest(static_cast<digest_algorithm>(head.algorithm), head.name);
  auto& where = result->record.where;
  where.path = text;
  where.identity = head.identity;
  where.state = static_cast<trust>(head.state);
  where.store = static_cast<mutability>(head.store);
  where.fingerprint = head.fingerprint;
  result->kind = static_cast<record_kind>(head.kind);
  result->offset = at.offset;
  result->previous = head.previous;
  result->length = head.length;
  return result;
}

HUBCACHE_DECL record_log record_log::create(const std::string& path, log_id id, std::error_code& ec) {
  record_log log;
  log.id_ = id;
  log.file_ = detail::index_file::create(path, ec);
  if (ec) return {};
  detail::log_head head;
  head.id = id;
  head.checksum = detail::log_checksum(head);
  log.file_.write(std::as_bytes(std::span(&head, 1)), 0, ec);
  return ec ? record_log{} : std::move(log);
}

HUBCACHE_DECL record_log record_log::open(const std::string& path, index_access access, std::error_code& ec) {
  record_log log;
  log.file_ = detail::index_file::open(path, access, ec);
  if (ec) return {};
  detail::log_head head;
  const auto n = log.file_.read_on(0, std::as_writable_bytes(std::span(&head, 1)));
  if (n != sizeof head || head.magic != detail::log_magic || head.byte_order != detail::byte_order_mark ||
      head.checksum != detail::log_checksum(head)) {
    ec = std::make_error_code(std::errc::invalid_argument);
    return {};
  }
  log.id_ = head.id;
  return log;
}

HUBCACHE_DECL std::optional<logged_record> record_log::read(std::uint64_t offset) const {
  if (!detail::may_be_record(offset)) return std::nullopt;
  // Nearly every record fits the first read.
  std::array<std::byte, max_record_size> copy;
  const std::span<std::byte> room(copy);
  auto have = file_.read(offset, room.first(320));
  const auto length = record_length(room.first(have));
  if (length > have) have += file_.read(offset + have, room.subspan(have, length - have));
  return decode_record(room.first(have), {id_, offset});
}

HUBCACHE_DECL std::uint64_t record_log::end(std::error_code& ec) const noexcept {
  return std::max(first_record, detail::aligned(file_.size(ec)));
}

HUBCACHE_DECL record_cursor::record_cursor(const record_log& log) : log_(log) {
  std::error_code ec;
  end_ = log.end(ec);
}

/// The bytes from at_ on: as many as a record can have, unless the log ends before.
HUBCACHE_DECL byte_view record_cursor::ahead() {
  if (at_ + max_record_size > block_at_ + block_.size() && block_at_ + block_.size() < end_) {
    block_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(record_log::block, end_ - at_)));
    block_at_ = at_;
    const auto n = log_.file_.read_on(at_, block_);
    if (n < block_.size()) end_ = at_ + n;
    block_.resize(n);
  }
  const auto done = static_cast<std::size_t>(std::min<std::uint64_t>(at_ - block_at_, block_.size()));
  return byte_view(block_).subspan(done);
}

HUBCACHE_DECL std::optional<logged_record> record_cursor::next() {
  while (at_ < end_) {
    auto found = decode_record(ahead(), {log_.id_, at_});
    at_ += found ? found->length : record_alignment;
    if (found) return found;
  }
  return std::nullopt;
}

HUBCACHE_DECL log_appender::log_appender(const record_log& log) : log_(&log) {
  std::error_code ec;
  block_at_ = log.end(ec);
}

HUBCACHE_DECL std::uint64_t log_appender::add(const index_record& record, std::uint64_t previous,
                                              record_kind kind) {
  std::array<std::byte, max_record_size> bytes;
  const auto at = end();
  const auto length = encode_record(bytes, record, previous, {log_->id_, at}, kind);
  block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
  return length == 0 ? 0 : at;
}

HUBCACHE_DECL std::optional<logged_record> log_appender::read(std::uint64_t offset) const {
  if (offset < block_at_) return log_->read(offset);
  if (offset >= end()) return std::nullopt;
  return decode_record(byte_view(block_).subspan(static_cast<std::size_t>(offset - block_at_)),
                       {log_->id_, offset});
}

HUBCACHE_DECL void log_appender::flush(std::error_code& ec) {
  ec.clear();
  if (block_.empty()) return;
  log_->file_.write(block_, block_at_, ec);
  std::error_code unknown;
  block_at_ = ec ? log_->end(unknown) : end();
  block_.clear();
}

}  // namespace hubcache::inline v0_1
