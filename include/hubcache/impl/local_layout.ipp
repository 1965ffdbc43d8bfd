#pragma once

#include <hubcache/impl/hub_layout.ipp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/local_layout.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL void make_local_folders(const local_layout& layout, std::error_code& ec) {
  os::make_directories(layout.downloads(), ec);
  if (ec) return;
  detail::write_cachedir_tag(layout.book_keeping());
  std::error_code exists;
  const auto ignore = os::create_new(layout.book_keeping() + "/.gitignore", 0666, exists);
  if (!exists) os::write_at(ignore, as_byte_view("*"), 0, ec);
}

HUBCACHE_DECL std::optional<local_metadata> read_metadata(const local_layout& layout,
                                                          const std::string& folder, std::string_view path) {
  std::error_code ec;
  const auto text = os::read_text(layout.metadata(path), 4096, ec);
  if (ec) return std::nullopt;
  const auto first = text.find('\n');
  const auto second = first == text.npos ? text.npos : text.find('\n', first + 1);
  if (second == text.npos) return std::nullopt;
  double recorded = 0;  // 0, too, if no number is there: then the record is older than any file
  std::from_chars(text.data() + second + 1, text.data() + text.size(), recorded);
  const auto file = os::status(folder + "/" + std::string(path), ec);
  // One second of grace: file systems and clocks differ in resolution (as huggingface_hub allows).
  const bool recorded_after = static_cast<double>(file.identity.mtime_ns) / 1e9 - 1.0 <= recorded;
  if (ec || !file.regular || !recorded_after) return std::nullopt;
  local_metadata result;
  result.commit = text.substr(0, first);
  result.etag = text.substr(first + 1, second - first - 1);
  return result;
}

HUBCACHE_DECL void write_metadata(const local_layout& layout, std::string_view path,
                                  const local_metadata& data, std::error_code& ec) {
  const auto target = layout.metadata(path);
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::array<char, 32> time{};  // not by printf, which obeys the program's locale
  std::to_chars(time.data(), time.data() + time.size() - 1, now, std::chars_format::fixed, 6);
  os::make_directories(std::filesystem::path(target).parent_path().string(), ec);
  if (!ec) os::replace_text(target, data.commit + "\n" + data.etag + "\n" + time.data() + "\n", 0666, ec);
}

}  // namespace hubcache::inline v0_1
