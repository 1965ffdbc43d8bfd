#pragma once

#include <hubcache/impl/hub_layout.ipp>
#include <hubcache/os/file.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/local_layout.hpp>

#include <array>
#include <charconv>
#include <chrono>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL double seconds_since_1970() noexcept {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Removes records that processes were writing when they were killed, an hour ago or more: it takes milliseconds.
HUBCACHE_DECL void sweep_unfinished_records(const std::string& folder) {
  std::error_code ec;
  const auto here = os::folder::open(folder, ec);
  for (const auto& entry : ec ? std::vector<os::folder_entry>() : here.entries(ec)) {
    const std::string_view name = entry.name;
    if (!name.ends_with(".incomplete") || !(name.starts_with("metadata.") || name.starts_with("tree.")))
      continue;
    const auto left = here.status(entry.name, ec);
    const auto age = seconds_since_1970() - static_cast<double>(left.identity.mtime_ns) / 1e9;
    if (!ec && left.regular && age > 3600) here.remove(entry.name, ec);
  }
}

}  // namespace detail

HUBCACHE_DECL void make_local_folders(const local_layout& layout, std::error_code& ec) {
  os::folder::make_below(layout.folder(), layout.downloads(), ec);
  if (ec) return;
  detail::sweep_unfinished_records(layout.downloads());
  detail::write_cachedir_tag(layout.book_keeping());
  detail::write_absent(layout.book_keeping() + "/.gitignore", "*", ec);
  // Nor does it matter in a folder that is complete and cannot be written to.
  if (ec == std::errc::file_exists || ec == std::errc::read_only_file_system ||
      ec == std::errc::permission_denied) {
    ec.clear();
  }
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
  // What a fast clock recorded would hide every edit until its time has come.
  const bool recorded_before_now = recorded - 1.0 <= detail::seconds_since_1970();
  if (ec || !file.regular || !recorded_after || !recorded_before_now) return std::nullopt;
  local_metadata result;
  result.commit = text.substr(0, first);
  result.etag = text.substr(first + 1, second - first - 1);
  return result;
}

HUBCACHE_DECL void write_metadata(const local_layout& layout, std::string_view path,
                                  const local_metadata& data, std::error_code& ec) {
  const auto target = layout.metadata(path);
  const auto now = detail::seconds_since_1970();
  std::array<char, 32> time{};  // not by printf, which obeys the program's locale
  std::to_chars(time.data(), time.data() + time.size() - 1, now, std::chars_format::fixed, 6);
  const auto temporary = layout.downloads() + "/metadata." + os::random_hex(8) + ".incomplete";
  detail::replace_below(layout.folder(), target, data.commit + "\n" + data.etag + "\n" + time.data() + "\n",
                        temporary, ec);
}

}  // namespace hubcache::inline v0_1
