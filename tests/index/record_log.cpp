#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/record_log.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <limits>

#include "index/records.hpp"
#include "support/temp_folder.hpp"

using hubcache::index_access;
using hubcache::record_log;
using hubcache::record_position;

namespace {

using record_bytes = std::array<std::byte, hubcache::max_record_size>;

constexpr record_position here{0x1234'5678'9ABC'DEF0, 4096};

template <class Word>
void set(record_bytes& bytes, std::size_t at, Word value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Writes records `first` to `last` to a log, one after the other in one chain; returns their offsets.
std::vector<std::uint64_t> append(const record_log& log, std::uint64_t first, std::uint64_t last) {
  hubcache::log_appender appender(log);
  std::vector<std::uint64_t> offsets;
  for (auto n = first; n < last; ++n) {
    offsets.push_back(appender.add(test::record_number(n), offsets.empty() ? 0 : offsets.back()));
  }
  std::error_code ec;
  appender.flush(ec);
  REQUIRE_FALSE(ec);
  return offsets;
}

record_log open(const std::string& path, index_access access = index_access::mapped) {
  std::error_code ec;
  auto log = record_log::open(path, access, ec);
  REQUIRE_FALSE(ec);
  return log;
}

/// A record with the bytes of `change(bytes)` and a checksum that is right for them.
template <class Change>
bool believed(Change change) {
  record_bytes bytes{};
  const auto length = hubcache::encode_record(bytes, test::record_number(1), 64, here);
  REQUIRE(length > 0);
  change(bytes);
  std::uint32_t claimed = 0;
  std::memcpy(&claimed, bytes.data() + 12, sizeof claimed);
  const auto covered = std::min<std::size_t>(std::max<std::size_t>(claimed, 8), bytes.size());
  set(bytes, 0,
      hubcache::xxh3(hubcache::byte_view(bytes).subspan(8, covered - 8),
                     here.log ^ here.offset ^ (std::uint64_t{claimed} << 40U)));
  return hubcache::decode_record(bytes, here).has_value();
}

}  // namespace

TEST_CASE("a record is decoded as it was encoded") {
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 7, 8, 9, 400, 4096}) {
    auto record = test::record_number(9, 1);
    record.where.path = "/" + std::string(size - 1, 'x');
    record_bytes bytes;
    bytes.fill(std::byte{0xAA});
    const auto length = hubcache::encode_record(bytes, record, 4064, here);
    REQUIRE(length % hubcache::record_alignment == 0);
    CHECK(length == hubcache::record_length(bytes));
    const auto decoded = hubcache::decode_record(hubcache::byte_view(bytes).first(length), here);
    REQUIRE(decoded);
    CHECK(decoded->record == record);
    CHECK(decoded->kind == hubcache::record_kind::place);
    CHECK(decoded->offset == here.offset);
    CHECK(decoded->previous == 4064);
    CHECK(decoded->length == length);
  }
}

TEST_CASE("a git sha1 keeps its algorithm in the log") {
  auto record = test::record_number(1);
  record.name = test::digest_number(1, hubcache::digest_algorithm::git_sha1);
  record_bytes bytes;
  REQUIRE(hubcache::encode_record(bytes, record, 0, here) > 0);
  CHECK(hubcache::decode_record(bytes, here)->record == record);
}

TEST_CASE("that a place is forgotten is a record of its own kind") {
  record_bytes bytes;
  const auto kind = hubcache::record_kind::forgotten;
  REQUIRE(hubcache::encode_record(bytes, test::record_number(1), 0, here, kind) > 0);
  const auto decoded = hubcache::decode_record(bytes, here);
  REQUIRE(decoded);
  CHECK(decoded->kind == kind);
  CHECK(decoded->record == test::record_number(1));
}

TEST_CASE("a path that is not absolute, or climbs, or has a NUL, or is too long is not recorded") {
  for (const auto& path :
       {std::string(), std::string("a"), std::string("a/b"), std::string("/a/../b"), std::string("/.."),
        std::string("/a/.."), std::string("/a\0b", 4), "/" + std::string(4096, 'x')}) {
    auto record = test::record_number(1);
    record.where.path = path;
    record_bytes bytes;
    CHECK(hubcache::encode_record(bytes, record, 0, here) == 0);
  }
  for (const auto* path : {"/", "/a", "/a..", "/..a/b", "/.../x", "/a/..b/..c"}) {
    CHECK(hubcache::is_recordable_path(path));
  }
}

TEST_CASE("a record does not point to itself or forward") {
  record_bytes bytes;
  CHECK(hubcache::encode_record(bytes, test::record_number(1), here.offset, here) == 0);
  CHECK(hubcache::encode_record(bytes, test::record_number(1), here.offset + 32, here) == 0);
  CHECK(believed([](record_bytes& b) { set(b, 24, here.offset - 32); }));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 24, here.offset); }));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 24, std::numeric_limits<std::uint64_t>::max()); }));
}

TEST_CASE("every single changed bit of a record is noticed") {
  record_bytes bytes{};
  const auto length = hubcache::encode_record(bytes, test::record_number(3), 64, here);
  for (std::size_t bit = 0; bit < length * 8; ++bit) {
    const auto mask = std::byte{1} << (bit % 8);
    bytes[bit / 8] ^= mask;
    CHECK_FALSE(hubcache::decode_record(bytes, here));
    bytes[bit / 8] ^= mask;
  }
  CHECK(hubcache::decode_record(bytes, here));
}

TEST_CASE("a record moved to another offset or log, or cut short, is not believed") {
  record_bytes bytes{};
  const auto length = hubcache::encode_record(bytes, test::record_number(3), 64, here);
  CHECK_FALSE(hubcache::decode_record(bytes, {here.log, here.offset + 32}));
  CHECK_FALSE(hubcache::decode_record(bytes, {here.log + 1, here.offset}));
  for (std::size_t size = 0; size < length; ++size) {
    CHECK_FALSE(hubcache::decode_record(hubcache::byte_view(bytes).first(size), here));
  }
}

TEST_CASE("impossible fields are refused even under a right checksum") {
  CHECK(believed([](record_bytes&) {}));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 8, std::uint32_t{0}); }));  // magic
  for (const std::uint32_t length :
       {0U, 31U, 32U, 96U, 120U, 128U, 4224U, 4256U, 0xFFFF'FFE0U, 0xFFFF'FFFFU}) {
    CHECK_FALSE(believed([length](record_bytes& b) { set(b, 12, length); }));
  }
  for (const unsigned path : {0U, 1U, 4096U, 4097U, 0xFFFFU}) {
    CHECK_FALSE(believed([path](record_bytes& b) { set(b, 16, static_cast<std::uint16_t>(path)); }));
  }
  CHECK(believed([](record_bytes& b) { set(b, 18, std::uint8_t{2}); }));  // kind
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 18, std::uint8_t{0}); }));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 18, std::uint8_t{3}); }));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 19, std::uint8_t{0}); }));  // algorithm
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 19, std::uint8_t{3}); }));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 20, std::uint8_t{2}); }));  // trust
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 21, std::uint8_t{2}); }));  // mutability
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 120, 'x'); }));             // relative path
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 126, '\0'); }));
  CHECK_FALSE(believed([](record_bytes& b) { std::memcpy(b.data() + 120, "/../", 4); }));
}

TEST_CASE("a log gives back what was written, at any other offset nothing") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = record_log::create(folder / "log", 99, ec);
  REQUIRE_FALSE(ec);
  const auto offsets = append(log, 0, 20);
  for (const auto access : {index_access::mapped, index_access::copied}) {
    const auto same = open(folder / "log", access);
    CHECK(same.id() == 99);
    for (std::uint64_t n = 0; n < 20; ++n) CHECK(same.read(offsets[n])->record == test::record_number(n));
    std::size_t readable = 0;
    for (std::uint64_t offset = 0; offset < same.end(ec) + 5000; ++offset)
      readable += same.read(offset) ? 1U : 0U;
    CHECK(readable == offsets.size());
    for (unsigned shift = 0; shift < 64; ++shift) {
      CHECK_FALSE(same.read(~std::uint64_t{0} << shift));
    }
  }
}

TEST_CASE("what is appended after a log was mapped is read all the same") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = record_log::create(folder / "log", 99, ec);
  append(log, 0, 10);
  const auto mapped = open(folder / "log");
  for (std::uint64_t n = 10; n < 400; ++n) {
    const auto offset = append(log, n, n + 1).front();
    CHECK(mapped.read(offset)->record == test::record_number(n));
  }
}

TEST_CASE("an appender reads what it has not written yet, and writes it at once") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = record_log::create(folder / "log", 99, ec);
  hubcache::log_appender appender(log);
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t n = 0; n < 100; ++n) offsets.push_back(appender.add(test::record_number(n), 0));
  CHECK(log.end(ec) == 64);
  for (std::uint64_t n = 0; n < 100; ++n) {
    CHECK(appender.read(offsets[n])->record == test::record_number(n));
    CHECK_FALSE(log.read(offsets[n]));
  }
  CHECK_FALSE(appender.read(appender.end()));
  CHECK(appender.unwritten() == appender.end() - 64);
  appender.flush(ec);
  CHECK(appender.unwritten() == 0);
  CHECK(log.end(ec) == appender.end());
  for (std::uint64_t n = 0; n < 100; ++n) CHECK(log.read(offsets[n])->record == test::record_number(n));
}

TEST_CASE("a cursor visits all records in order, across its blocks") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = record_log::create(folder / "log", 99, ec);
  constexpr std::uint64_t count = 12'000;  // some MiB
  append(log, 0, count);
  hubcache::record_cursor cursor(log);
  std::uint64_t n = 0;
  while (const auto next = cursor.next()) {
    if (next->record != test::record_number(n++)) break;
  }
  CHECK(n == count);
}

TEST_CASE("a cursor skips what is no record, and finds all that are") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = record_log::create(folder / "log", 99, ec);
  const auto offsets = append(log, 0, 50);
  auto bytes = test::read_file(folder / "log");
  for (const std::size_t damaged : {3U, 4U, 17U, 49U}) bytes[offsets[damaged] + 12] = '\x7F';
  bytes[offsets[30] + 40] = '?';
  folder.write("log", bytes + std::string(77, 'x'));
  const auto same = open(folder / "log");
  hubcache::record_cursor cursor(same);
  std::size_t found = 0;
  while (const auto next = cursor.next()) {
    CHECK(test::is_genuine(next->record));
    ++found;
  }
  CHECK(found == 45);
}

TEST_CASE("a log goes on at an aligned offset behind half a record") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = record_log::create(folder / "log", 99, ec);
  std::filesystem::resize_file(folder / "log", 64 + 77);
  const auto end = log.end(ec);
  CHECK(end == 64 + 96);
  CHECK(append(log, 1, 2).front() == end);
  CHECK(log.read(end)->record == test::record_number(1));
}

TEST_CASE("a file that is no log is not opened") {
  const test::temp_folder folder;
  std::error_code ec;
  static_cast<void>(record_log::create(folder / "log", 99, ec));
  const auto refused = [](const std::string& path) {
    std::error_code failure;
    static_cast<void>(record_log::open(path, index_access::mapped, failure));
    return static_cast<bool>(failure);
  };
  CHECK_FALSE(refused(folder / "log"));
  CHECK(refused(folder / "missing"));
  std::filesystem::create_symlink(folder / "log", folder / "symlink");
  CHECK(refused(folder / "symlink"));
  auto bytes = test::read_file(folder / "log");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(refused(folder.write("short", std::string_view(bytes).substr(0, size))));
  }
  bytes[8] = static_cast<char>(bytes[8] ^ 1);
  CHECK(refused(folder.write("changed", bytes)));
}
