#pragma once

#include <hubcache/error.hpp>
#include <hubcache/store/content_lock.hpp>

#include <filesystem>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::optional<content_lock> content_lock::try_lock(const std::string& state_dir,
                                                                 const digest& name,
                                                                 const std::string& hub_lock,
                                                                 std::error_code& ec) {
  const auto locked = [&ec](const std::string& path, std::uint32_t folder_mode) {
    auto lock = os::file_lock::try_lock(path, os::lock_mode::exclusive, ec);
    if (ec == std::errc::no_such_file_or_directory) {
      os::make_directories(std::filesystem::path(path).parent_path().string(), ec, folder_mode);
      if (!ec) lock = os::file_lock::try_lock(path, os::lock_mode::exclusive, ec);
    }
    return lock;
  };
  content_lock result;
  result.own_ = locked(state_dir + "/locks/" + name.hex() + ".lock", 0700);
  if (result.own_) {
    result.own_->remove_on_release();
  } else if (disk_errc(ec) != errc::permission_denied || hub_lock.empty()) {
    return std::nullopt;
  }  // else another user's state folder: the Hub's lock still excludes, repo by repo
  if (!hub_lock.empty()) {
    result.hub_ = locked(hub_lock, 0777);
    if (!result.hub_) return std::nullopt;
  }
  return result;
}

}  // namespace hubcache::inline v0_1
