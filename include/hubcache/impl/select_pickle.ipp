#pragma once

#include <hubcache/select/pickle.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// Whether `text` ends in `suffix` (lower case), whatever the case of its letters.
HUBCACHE_DECL bool ends_as(std::string_view text, std::string_view suffix) noexcept {
  if (text.size() < suffix.size()) return false;
  return equal_without_case(text.substr(text.size() - suffix.size()), suffix);
}

/// Whether `code` begins an instruction of a pickle.
HUBCACHE_DECL bool is_pickle_opcode(std::byte code) noexcept {
  constexpr std::string_view printed = "().012BCFGIJKLMNPQRSTUVX]abcdeghijlopqrstu}";
  const auto value = std::to_integer<unsigned>(code);
  return (value >= 0x80 && value <= 0x98) || printed.find(static_cast<char>(value)) != printed.npos;
}

/// The little-endian number of `width` bytes at `at`. @pre it lies in `bytes`
HUBCACHE_DECL std::uint64_t little_endian(std::span<const std::byte> bytes, std::size_t at,
                                          std::size_t width) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = (value << 8U) | std::to_integer<std::uint64_t>(bytes[at + i]);
  return value;
}

HUBCACHE_DECL std::string_view characters(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes of a content that are asked for, at most `largest` at a time, read in pieces.
class content_window {
 public:
  static constexpr std::size_t largest = std::size_t{128} << 10U;

  content_window(std::uint64_t size, const content_reader& read) : size_(size), read_(read) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Empty if they are not all there. Valid until the next call.
  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t offset, std::size_t count) {
    if (offset > size_ || count > size_ - offset || count > largest) return {};
    if (offset < begin_ || offset + count > begin_ + buffer_.size()) {
      begin_ = offset;
      buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(largest, size_ - offset)));
      buffer_.resize(std::min(buffer_.size(), read_(offset, buffer_)));
      if (buffer_.size() < count) return {};
    }
    return std::span(buffer_).subspan(static_cast<std::size_t>(offset - begin_), count);
  }

 private:
  std::uint64_t size_;
  const content_reader& read_;
  std::uint64_t begin_ = 0;
  std::vector<std::byte> buffer_;
};

/// Where the directory of a zip archive lies.
struct zip_directory {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t entries = 0;
};

/// Replaces what the end record says by what the zip64 record before it says, if there is one. False if they differ.
HUBCACHE_DECL bool read_zip64(content_window& file, zip_directory& found, std::uint64_t end_record) {
  constexpr std::uint64_t locator_size = 20;
  constexpr std::uint64_t record_size = 56;
  const auto locator = end_record < locator_size ? std::span<const std::byte>()
                                                 : file.bytes(end_record - locator_size, locator_size);
  if (!characters(locator).starts_with("PK\6\7")) return found.end == end_record;
  if (end_record < locator_size + record_size) return false;
  const auto at = end_record - locator_size - record_size;
  if (little_endian(locator, 8, 8) != at) return false;
  const auto record = file.bytes(at, record_size);
  if (!characters(record).starts_with("PK\6\6") || little_endian(record, 4, 8) != record_size - 12)
    return false;
  zip_directory wide;
  wide.entries = little_endian(record, 32, 8);
  wide.begin = little_endian(record, 48, 8);
  const auto length = little_endian(record, 40, 8);
  if (wide.begin > at || length != at - wide.begin) return false;
  wide.end = at;
  const auto agree = [](std::uint64_t narrow, std::uint64_t value, std::uint64_t all_ones) {
    return narrow == value || narrow == all_ones;
  };
  const bool same = agree(found.entries, wide.entries, 0xFFFF) &&
                    agree(found.begin, wide.begin, 0xFFFFFFFF) &&
                    agree(found.end - found.begin, length, 0xFFFFFFFF);
  found = wide;
  return same;
}

/// None if the archive is not in order: all its readers must find the same directory.
HUBCACHE_DECL std::optional<zip_directory> find_zip_directory(content_window& file) {
  constexpr std::size_t record_size = 22;
  const auto tail_size = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), record_size + 0xFFFF));
  const auto tail = file.bytes(file.size() - tail_size, tail_size);
  if (tail.size() < record_size) return std::nullopt;
  const auto at = characters(tail).rfind("PK\5\6", tail.size() - record_size);
  if (at == std::string_view::npos) return std::nullopt;
  const auto record = tail.subspan(at);
  if (little_endian(record, 20, 2) != record.size() - record_size) return std::nullopt;
  if (little_endian(record, 4, 4) != 0) return std::nullopt;  // parts of it are elsewhere
  zip_directory found;
  found.entries = little_endian(record, 10, 2);
  found.begin = little_endian(record, 16, 4);
  found.end = found.begin + little_endian(record, 12, 4);
  const auto end_record = file.size() - tail_size + at;
  return read_zip64(file, found, end_record) ? std::optional(found) : std::nullopt;
}

/// As find_pickle(), of a content that begins like a zip archive.
HUBCACHE_DECL std::string find_pickle_in_zip(content_window& file) {
  const std::string broken = "a zip archive whose directory is not in order";
  constexpr std::size_t fixed = 46;
  const auto directory = find_zip_directory(file);
  if (!directory) return broken;
  auto at = directory->begin;
  std::uint64_t entries = 0;
  for (; at < directory->end; ++entries) {
    const auto head = file.bytes(at, fixed);
    if (!characters(head).starts_with("PK\1\2")) return broken;
    const auto name_size = static_cast<std::size_t>(little_endian(head, 28, 2));
    const auto rest = little_endian(head, 30, 2) + little_endian(head, 32, 2);
    auto name = characters(file.bytes(at + fixed, name_size));
    if (name.size() != name_size) return broken;
    name = name.substr(0, name.find('\0'));  // where Python's zipfile ends it
    if (ends_as(name, ".pkl") || ends_as(name, ".pickle")) {
      return "a zip archive with the pickle " + printable(name);
    }
    at += fixed + name_size + rest;
  }
  return at == directory->end && entries == directory->entries ? std::string() : broken;
}

/// Whether the header of an .npy file (format 1 to 3: magic, version, little-endian length, a Python literal) declares
/// objects: NumPy pickles those. When in doubt it does.
HUBCACHE_DECL bool declares_objects(content_window& file) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), content_window::largest));
  const auto text = characters(file.bytes(0, size));
  const std::size_t begin = text.size() > 6 && text[6] == '\1' ? 10 : 12;
  if (text.size() < begin) return false;
  std::size_t length = 0;
  for (auto at = begin; at > 8; --at) length = length << 8U | static_cast<unsigned char>(text[at - 1]);
  if (length > text.size() - begin) return file.size() > size;  // goes on where nobody looks
  const auto header = text.substr(begin, length);
  if (header.find('\\') != header.npos || header.find("object") != header.npos) return true;
  // A type is O, with a byte order before it or a size behind it, also in a list of types.
  for (auto at = header.find('O'); at != header.npos; at = header.find('O', at + 1)) {
    const auto end = header.find_first_not_of("0123456789", at + 1);
    if (end == header.npos || header[end] == '\'' || header[end] == '"' || header[end] == ',') return true;
  }
  return false;
}

}  // namespace detail

HUBCACHE_DECL std::string_view pickle_suffix(std::string_view path) noexcept {
  constexpr std::array<std::string_view, 13> pickles{".bin", ".ckpt", ".dill", ".distcp", ".joblib",
                                                     ".mar", ".nemo", ".pt",   ".pickle", ".pkl",
                                                     ".pt2", ".pth",  ".ptl"};
  constexpr std::array<std::string_view, 7> compressed{".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4", ".z"};
  auto plain = path;
  for (const auto suffix : compressed) {
    if (detail::ends_as(plain, suffix)) plain.remove_suffix(suffix.size());
  }
  for (const auto suffix : pickles) {
    if (detail::ends_as(plain, suffix)) return path.substr(plain.size() - suffix.size());
  }
  return {};
}

HUBCACHE_DECL std::string find_pickle(std::uint64_t size, const content_reader& read) {
  std::array<std::byte, 8> buffer{};
  const auto head = std::span(buffer).first(read(0, buffer));
  const auto text = detail::characters(head);
  // A safetensors file may begin with 0x80 0x02, too: the low bytes of its header's length. What follows them in a
  // header of less than 2.5 MiB is no instruction.
  const bool begins = head.size() >= 3 && head[0] == std::byte{0x80} && head[1] <= std::byte{5};
  if (begins && detail::is_pickle_opcode(head[2])) {
    return "a pickle (protocol " + std::to_string(std::to_integer<int>(head[1])) + ")";
  }
  detail::content_window file(size, read);
  if (text.starts_with("PK\3\4") || text.starts_with("PK\5\6")) return detail::find_pickle_in_zip(file);
  if (text.starts_with("\x93NUMPY") && detail::declares_objects(file))
    return "a NumPy array of pickled objects";
  return {};
}

}  // namespace hubcache::inline v0_1
