#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/record_log.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <limits>

#include "index/records.hpp"
#include "support/temp_folder.hpp"

using hubcache::record_position;

namespace {

using record_bytes = std::array<std::byte, hubcache::max_record_size>;

constexpr record_position here{0x1234'5678'9ABC'DEF0, 4096};

template <class Word>
void set(record_bytes& bytes, std::size_t at, Word value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
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
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 23, 24, 25, 400, 4096}) {
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
       {0U, 31U, 32U, 96U, 104U, 128U, 4224U, 4256U, 0xFFFF'FFE0U, 0xFFFF'FFFFU}) {
    CHECK_FALSE(believed([length](record_bytes& b) { set(b, 12, length); }));
  }
  for (const unsigned path : {0U, 1U, 4096U, 4097U, 0xFFFFU}) {
    CHECK_FALSE(believed([path](record_bytes& b) { set(b, 16, static_cast<std::uint16_t>(path)); }));
  }
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 18, std::uint8_t{2}); }));  // kind
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 19, std::uint8_t{0}); }));  // algorithm
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 19, std::uint8_t{3}); }));
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 20, std::uint8_t{2}); }));  // trust
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 21, std::uint8_t{2}); }));  // mutability
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 104, 'x'); }));             // relative path
  CHECK_FALSE(believed([](record_bytes& b) { set(b, 110, '\0'); }));
  CHECK_FALSE(believed([](record_bytes& b) { std::memcpy(b.data() + 104, "/../", 4); }));
}

TEST_CASE("a log gives back what was written, at any offset nothing else") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = hubcache::record_log::create(folder / "log", 99, ec);
  REQUIRE_FALSE(ec);
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t n = 0; n < 20; ++n) {
    offsets.push_back(log.end(ec));
    REQUIRE(log.write(test::record_number(n), n == 0 ? 0 : offsets[n - 1], offsets.back()) > 0);
  }
  const auto same = hubcache::record_log::open(folder / "log", 99, ec);
  REQUIRE_FALSE(ec);
  for (std::uint64_t n = 0; n < 20; ++n) CHECK(same.read(offsets[n])->record == test::record_number(n));
  std::size_t readable = 0;
  for (std::uint64_t offset = 0; offset < same.end(ec) + 5000; ++offset)
    readable += same.read(offset) ? 1U : 0U;
  CHECK(readable == offsets.size());
  for (unsigned shift = 0; shift < 64; ++shift) {
    CHECK_FALSE(same.read(~std::uint64_t{0} << shift));
  }
}

TEST_CASE("a log goes on at an aligned offset behind half a record") {
  const test::temp_folder folder;
  std::error_code ec;
  const auto log = hubcache::record_log::create(folder / "log", 99, ec);
  std::filesystem::resize_file(folder / "log", 64 + 77);
  const auto end = log.end(ec);
  CHECK(end == 64 + 96);
  REQUIRE(log.write(test::record_number(1), 0, end) > 0);
  CHECK(log.read(end)->record == test::record_number(1));
}

TEST_CASE("a file that is not this log is not opened") {
  const test::temp_folder folder;
  std::error_code ec;
  static_cast<void>(hubcache::record_log::create(folder / "log", 99, ec));
  const auto refused = [](const std::string& path, hubcache::log_id id) {
    std::error_code failure;
    static_cast<void>(hubcache::record_log::open(path, id, failure));
    return static_cast<bool>(failure);
  };
  CHECK_FALSE(refused(folder / "log", 99));
  CHECK(refused(folder / "log", 98));
  CHECK(refused(folder / "missing", 99));
  std::filesystem::create_symlink(folder / "log", folder / "symlink");
  CHECK(refused(folder / "symlink", 99));
  auto bytes = test::read_file(folder / "log");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(refused(folder.write("short", std::string_view(bytes).substr(0, size)), 99));
  }
  bytes[8] = static_cast<char>(bytes[8] ^ 1);
  CHECK(refused(folder.write("changed", bytes), 99));
}
