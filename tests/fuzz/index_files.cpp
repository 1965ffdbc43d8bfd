// The index over arbitrary files. An input is:
//   1 byte   flags: 1 = the table's head is the next 104 bytes, 2 = records get no checksums of ours,
//            4 = files are copied, 8 = the index is rebuilt
//   1 byte   size of the table
//   1 byte   how many slots follow, 8 bytes each: 2 position, 1 which digest, 1 how the mark is made,
//            4 offset / 32
//   the rest lies in the log behind its head

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/index/record_log.hpp>
#include <hubcache/index/slot_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>

#include "index/records.hpp"
#include "support/temp_folder.hpp"

namespace {

constexpr hubcache::log_id log_number = 0xABCDEF;
constexpr std::uint64_t digests = 4;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes values off the front of the input; zeros when it is used up.
class reader {
 public:
  explicit reader(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  template <class Value>
  Value take() {
    Value value{};
    const auto n = std::min(sizeof value, left_.size());
    if (n > 0) std::memcpy(&value, left_.data(), n);
    left_ = left_.subspan(n);
    return value;
  }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return left_; }

 private:
  std::span<const std::uint8_t> left_;
};

void write_table(const std::string& path, reader& input, unsigned flags) {
  std::error_code ec;
  const hubcache::table_shape shape{hubcache::slot_table::min_log2 + input.take<std::uint8_t>() % 2U, 5,
                                    log_number};
  {
    hubcache::table_builder builder(path, shape, ec);
    builder.finish({}, ec);
  }
  const auto table = hubcache::slot_table::open(path, hubcache::index_access::copied, ec);
  const unsigned count = input.take<std::uint8_t>();
  for (unsigned i = 0; i < count; ++i) {
    const auto position = input.take<std::uint16_t>();
    const auto mark = table.mark_of(test::digest_number(input.take<std::uint8_t>() % digests));
    const auto how = input.take<std::uint8_t>();
    const auto offset = std::uint64_t{input.take<std::uint32_t>()} * 32;
    const auto home = hubcache::slot_table::home_of(mark, table.slots());
    table.store(how % 4 == 0 ? position % table.slots() : home + position % 4U,
                {how % 8 == 7 ? how : mark, how % 16 == 15 ? ~offset : offset}, ec);
  }
  if ((flags & 1U) != 0) {
    const auto head = input.take<std::array<std::byte, 104>>();
    hubcache::os::write_at(hubcache::os::open_write(path, ec), head, 0, ec);
  }
}

void write_log(const std::string& path, std::span<const std::uint8_t> body, unsigned flags) {
  std::error_code ec;
  static_cast<void>(hubcache::record_log::create(path, log_number, ec));
  std::vector<std::byte> bytes(body.size());
  std::ranges::copy(std::as_bytes(body), bytes.begin());
  for (std::size_t at = 0; at < bytes.size() && (flags & 2U) == 0; at += hubcache::record_alignment) {
    const auto here = std::span(bytes).subspan(at);
    const auto length = hubcache::record_length(here);
    if (length == 0 || length > here.size()) continue;
    const auto checksum = hubcache::xxh3(hubcache::byte_view(here).first(length).subspan(8),
                                         log_number ^ (64 + at) ^ (std::uint64_t{length} << 40U));
    std::memcpy(here.data(), &checksum, sizeof checksum);
  }
  hubcache::os::write_at(hubcache::os::open_write(path, ec), bytes, 64, ec);
}

void check_places(const hubcache::mapped_index& index) {
  for (std::uint64_t n = 0; n < digests; ++n) {
    const auto places = index.find(test::digest_number(n));
    std::set<std::string> paths;
    for (const auto& where : places) {
      require(hubcache::is_recordable_path(where.path) && paths.insert(where.path).second);
    }
    require(places.size() <= hubcache::max_places);
  }
  index.each(
      [](const hubcache::index_record& record) { return hubcache::is_recordable_path(record.where.path); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::temp_folder folder;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    std::filesystem::remove(entry.path());
  reader input({data, size});
  const unsigned flags = input.take<std::uint8_t>();
  write_table(folder / "index-v2.table", input, flags);
  write_log(folder / "index-v2-abcdef.log", input.rest(), flags);

  const auto access = (flags & 4U) != 0 ? hubcache::index_access::copied : hubcache::index_access::mapped;
  hubcache::mapped_index index(folder.path(), access);
  check_places(index);
  const auto report = index.check();
  require(report.places >= report.entries && report.verified <= report.places);
  if ((flags & 8U) != 0) require(index.rebuild());
  check_places(index);
  for (std::uint64_t n = 0; n < digests; ++n) {
    const auto record = test::record_number(n);
    require(index.insert(std::span(&record, 1)) == 1);
    const auto places = index.find(record.name);
    require(std::find(places.begin(), places.end(), record.where) != places.end());
  }
  check_places(index);
  for (std::uint64_t n = 0; n < digests; ++n) {
    const auto record = test::record_number(n);
    index.forget(record.name, record.where.path);
    const auto places = index.find(record.name);
    require(std::find(places.begin(), places.end(), record.where) == places.end());
  }
  check_places(index);
  return 0;
}
