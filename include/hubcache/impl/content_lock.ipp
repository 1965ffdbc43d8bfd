#pragma once

#include <hubcache/error.hpp>
#include <hubcache/store/content_lock.hpp>

#include <cstdint>

namespace hubcache::inline v0_1 {

namespace detail {

/// Which byte of the lock file stands for `name`. Two contents with one byte only wait for each other.
HUBCACHE_DECL std::uint64_t lock_byte(const digest& name) noexcept {
  std::uint64_t at = 0;
  for (const auto byte : name.bytes().first(sizeof at)) at = at << 8U | std::to_integer<std::uint64_t>(byte);
  return at >> 1U;
}

/// Locks the file `path`; makes its folder if that is missing.
HUBCACHE_DECL std::optional<os::file_lock> lock_made(const std::string& path, std::uint32_t folder_mode,
                                                     std::error_code& ec) {
  auto lock = os::file_lock::try_lock(path, os::lock_mode::exclusive, ec);
  if (ec != std::errc::no_such_file_or_directory) return lock;
  os::make_directories(path.substr(0, path.rfind('/')), ec, folder_mode);
  if (!ec) lock = os::file_lock::try_lock(path, os::lock_mode::exclusive, ec);
  return lock;
}

}  // namespace detail

HUBCACHE_DECL void content_locks::open(std::error_code& ec) {
  const auto path = folder_ + "/contents";
  auto file = os::open_or_create(path, 0600, ec);
  if (ec == std::errc::no_such_file_or_directory) {
    os::make_directories(folder_, ec, 0700);
    if (!ec) file = os::open_or_create(path, 0600, ec);
  }
  if (!ec) file_ = std::make_shared<const os::descriptor>(std::move(file));
}

HUBCACHE_DECL void content_locks::try_own(const digest& name, content_lock& result, std::error_code& ec) {
  for (;;) {
    if (!file_) open(ec);
    if (!file_) return;
    result.own_ = os::byte_lock::try_lock(file_, detail::lock_byte(name), ec);
    if (!result.own_) break;
    // A file that somebody removed with the state folder excludes nobody any more.
    if (os::status(*file_, ec).links > 0 || ec) return;
    result.own_.reset();
    file_.reset();
  }
  if (ec != std::errc::function_not_supported) return;
  result.own_file_ = detail::lock_made(folder_ + "/" + name.hex() + ".lock", 0700, ec);
  if (result.own_file_) result.own_file_->remove_on_release();
}

HUBCACHE_DECL std::optional<content_lock> content_locks::try_lock(const digest& name,
                                                                  const std::string& hub_lock,
                                                                  std::error_code& ec) {
  content_lock result;
  try_own(name, result, ec);
  const bool owned = result.own_ || result.own_file_;
  // In another user's state folder the Hub's lock still excludes, repo by repo.
  if (!owned && (disk_errc(ec) != errc::permission_denied || hub_lock.empty())) return std::nullopt;
  if (!hub_lock.empty()) {
    result.hub_ = detail::lock_made(hub_lock, 0777, ec);
    if (!result.hub_) return std::nullopt;
  }
  return result;
}

HUBCACHE_DECL std::optional<content_lock> content_lock::try_lock(const std::string& state_dir,
                                                                 const digest& name,
                                                                 const std::string& hub_lock,
                                                                 std::error_code& ec) {
  return content_locks(state_dir).try_lock(name, hub_lock, ec);
}

}  // namespace hubcache::inline v0_1
