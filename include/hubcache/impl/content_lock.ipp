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

/// The cache that the Hub's lock file `path`, CACHE/.locks/REPO/ETAG.lock, belongs to.
HUBCACHE_DECL std::string cache_of_lock(std::string path) {
  for (int i = 0; i < 3; ++i) path.resize(path.rfind('/'));
  return path;
}

}  // namespace detail

HUBCACHE_DECL void content_locks::open(std::error_code& ec) {
  const auto in = os::folder::make_below(state_dir_, folder(), ec, 0700);
  auto file = ec ? os::descriptor() : in.open_or_create("contents", 0600, ec);
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
  result.own_file_ =
      os::file_lock::try_lock(folder() + "/" + name.hex() + ".lock", os::lock_mode::exclusive, ec);
  if (result.own_file_) result.own_file_->remove_on_release();
}

HUBCACHE_DECL std::optional<os::file_lock> content_locks::try_hub(const std::string& path,
                                                                  std::error_code& ec) {
  auto folder = os::parent_path(path);
  if (folder == hub_folder_path_) {
    auto lock = os::file_lock::try_lock(hub_folder_, path, os::lock_mode::exclusive, ec);
    if (ec != std::errc::no_such_file_or_directory) return lock;
  }
  // It is another one, or somebody removed it.
  hub_folder_ = os::folder::make_below(detail::cache_of_lock(path), folder, ec);
  hub_folder_path_ = ec ? std::string() : std::move(folder);
  return ec ? std::nullopt : os::file_lock::try_lock(hub_folder_, path, os::lock_mode::exclusive, ec);
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
    result.hub_ = try_hub(hub_lock, ec);
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
