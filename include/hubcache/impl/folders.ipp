#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/os/lock.hpp>
#include <hubcache/store/folders.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

namespace hubcache::inline v0_1 {

namespace detail {

/// Applies `change`, which returns whether it changed anything, to the list of folders under its lock.
template <class Change>
bool change_folders(const std::string& state_dir, Change change) {
  const auto path = state_dir + "/folders";
  std::error_code ec;
  os::make_directories(state_dir, ec, 0700);
  std::optional<os::file_lock> lock;
  for (int i = 0; !ec && !lock && i < 200; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    lock = os::file_lock::try_lock(path + ".lock", os::lock_mode::exclusive, ec);
  }
  if (!ec && !lock) ec = std::make_error_code(std::errc::timed_out);
  if (ec) throw_disk_error(ec, "lock the list of folders", path);
  lock->remove_on_release();

  auto folders = read_folders(state_dir);
  if (!change(folders)) return false;
  std::string text;
  for (const auto& folder : folders) text.append(folder).append("\n");
  os::replace_text(path, text, 0600, ec);
  if (ec) throw_disk_error(ec, "write the list of folders", path);
  return true;
}

}  // namespace detail

HUBCACHE_DECL std::vector<std::string> read_folders(const std::string& state_dir) {
  std::error_code ec;
  const auto path = state_dir + "/folders";
  const auto text = os::read_text(path, std::size_t{16} << 20U, ec);
  if (ec && ec != std::errc::no_such_file_or_directory)
    throw_disk_error(ec, "read the list of folders", path);
  std::vector<std::string> result;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with('/') && line.find('\0') == line.npos) result.emplace_back(line);
  }
  return result;
}

HUBCACHE_DECL bool add_folder(const std::string& state_dir, const std::string& folder) {
  if (!folder.starts_with('/') || folder.find_first_of(std::string_view("\n\0", 2)) != folder.npos) {
    throw error(errc::invalid_argument,
                "the folder '" + printable(folder) + "' must be an absolute path without line breaks");
  }
  return detail::change_folders(state_dir, [&folder](std::vector<std::string>& folders) {
    if (std::find(folders.begin(), folders.end(), folder) != folders.end()) return false;
    folders.push_back(folder);
    return true;
  });
}

HUBCACHE_DECL bool remove_folder(const std::string& state_dir, const std::string& folder) {
  return detail::change_folders(
      state_dir, [&folder](std::vector<std::string>& folders) { return std::erase(folders, folder) > 0; });
}

}  // namespace hubcache::inline v0_1
