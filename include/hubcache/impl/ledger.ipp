#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/xxh3.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/hub/parse.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/store/ledger.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>
#include <tuple>

namespace hubcache::inline v0_1 {

namespace detail {

/// `cache_dir` by one name, however the user came there.
HUBCACHE_DECL std::string real_path(const std::string& cache_dir) {
  std::error_code ec;
  const auto real = std::filesystem::weakly_canonical(cache_dir, ec);
  return ec ? cache_dir : real.string();
}

HUBCACHE_DECL std::string hashed_name(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string name;
  for (auto [rest, i] = std::pair(xxh3(as_byte_view(text)), 0); i < 16; ++i, rest >>= 4U) {
    name += digits[rest & 15U];
  }
  return name;
}

HUBCACHE_DECL std::string format_pin(const pin& what) {
  std::string text = "{";
  const auto member = [&text](std::string_view key, std::string_view value) {
    if (text.size() > 1) text += ", ";
    append_json_string(text, key, false);
    text += ": ";
    append_json_string(text, value, false);
  };
  member("cache_dir", what.cache_dir);
  member("repo", what.repo);
  member("revision", what.revision);
  member("pinned_at", std::to_string(what.pinned_at));
  return text + "}\n";
}

HUBCACHE_DECL std::optional<pin> parse_pin(std::string_view text) {
  const auto members = parse_string_map(text);
  if (!members) return std::nullopt;
  pin result;
  for (const auto& [key, value] : *members) {
    if (key == "cache_dir") result.cache_dir = value;
    if (key == "repo") result.repo = value;
    if (key == "revision") result.revision = value;
    if (key == "pinned_at") std::from_chars(value.data(), value.data() + value.size(), result.pinned_at);
  }
  if (!result.cache_dir.starts_with('/') || result.repo.find('/') == result.repo.npos) return std::nullopt;
  return result;
}

/// Does `work` once the folder of `path`, below the ledger's `folder`, is there and no symlink leads to it.
template <class Work>
void with_folder_of(const std::string& folder, const std::string& path, std::error_code& ec, Work work) {
  os::folder::make_below(folder, os::parent_path(path), ec, 0700);
  if (!ec) work();
}

}  // namespace detail

HUBCACHE_DECL std::string ledger::use_path(const std::string& cache_dir, std::string_view repo_folder,
                                           std::string_view commit) const {
  return folder_ + "/used/" + detail::hashed_name(detail::real_path(cache_dir)) + "/" +
         std::string(repo_folder) + "/" + std::string(commit);
}

HUBCACHE_DECL std::string ledger::lease_path(const std::string& cache_dir,
                                             std::string_view repo_folder) const {
  return folder_ + "/leases/" + detail::hashed_name(detail::real_path(cache_dir)) + "/" +
         std::string(repo_folder) + ".lock";
}

HUBCACHE_DECL std::string ledger::pin_path(const pin& what) const {
  // NUL ends each part: no two pins have the same text.
  std::string text = what.cache_dir;
  for (const auto* part : {&what.repo, &what.revision}) text.append(1, '\0').append(*part);
  return folder_ + "/pins/" + detail::hashed_name(text) + ".json";
}

HUBCACHE_DECL void ledger::note_use(const std::string& cache_dir, std::string_view repo_folder,
                                    std::string_view commit) const noexcept {
  try {
    std::error_code ec;
    const auto path = use_path(cache_dir, repo_folder, commit);
    detail::with_folder_of(folder_, path, ec, [&] { os::touch(path, ec); });
  } catch (...) {  // no memory: the run matters more
  }
}

HUBCACHE_DECL std::optional<std::int64_t> ledger::last_use(const std::string& cache_dir,
                                                           std::string_view repo_folder,
                                                           std::string_view commit) const {
  std::error_code ec;
  const auto file = os::status(use_path(cache_dir, repo_folder, commit), ec);
  if (ec || !file.regular) return std::nullopt;
  return file.identity.mtime_ns;
}

HUBCACHE_DECL void ledger::forget_use(const std::string& cache_dir, std::string_view repo_folder,
                                      std::string_view commit) const noexcept {
  try {
    std::error_code ignored;
    const auto path = use_path(cache_dir, repo_folder, commit);
    if (last_use(cache_dir, repo_folder, commit))
      detail::with_folder_of(folder_, path, ignored, [&] { os::remove(path, ignored); });
  } catch (...) {  // an old record does no harm
  }
}

HUBCACHE_DECL void ledger::add_pin(pin what, std::error_code& ec) const {
  what.cache_dir = detail::real_path(what.cache_dir);
  what.pinned_at =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  const auto path = pin_path(what);
  const auto text = detail::format_pin(what);
  detail::with_folder_of(folder_, path, ec,
                         [&] { os::replace_text(path, text, 0600, ec, os::text_sync::name); });
  if (!ec) os::sync_directory(folder_, ec);  // pins/ itself may be new
}

HUBCACHE_DECL bool ledger::remove_pin(const pin& what, std::error_code& ec) const {
  auto named = what;
  named.cache_dir = detail::real_path(what.cache_dir);
  const auto path = pin_path(named);
  static_cast<void>(os::status(path, ec));
  const bool missing = ec == std::errc::no_such_file_or_directory;
  if (missing) ec.clear();
  if (!missing && !ec) detail::with_folder_of(folder_, path, ec, [&] { os::remove(path, ec); });
  return !missing && !ec;
}

HUBCACHE_DECL pin_list ledger::pins(const std::string& cache_dir) const {
  pin_list result;
  const auto real_dir = detail::real_path(cache_dir);
  std::error_code ec;
  const auto names = os::names_in(folder_ + "/pins", ec);
  if (ec && ec != std::errc::no_such_file_or_directory) throw_disk_error(ec, "read the pins in", folder_);
  for (const auto& name : names) {
    if (name.ends_with(".tmp")) continue;  // on its way to be a pin
    const auto path = folder_ + "/pins/" + name;
    const auto text = os::read_text(path, 64 * 1024, ec);
    auto found = ec ? std::nullopt : detail::parse_pin(text);
    if (found && found->cache_dir != real_dir) continue;
    if (found) {
      result.pins.push_back(std::move(*found));
    } else {
      result.problems.push_back(path + " is no pin that can be read" + (ec ? " (" + ec.message() + ")" : "") +
                                "; repair it, or remove it and pin again what it protected.");
    }
  }
  std::sort(result.pins.begin(), result.pins.end(), [](const pin& a, const pin& b) {
    return std::tie(a.repo, a.revision) < std::tie(b.repo, b.revision);
  });
  return result;
}

HUBCACHE_DECL std::optional<os::file_lock> ledger::try_lease(const std::string& cache_dir,
                                                             std::string_view repo_folder, os::lock_mode mode,
                                                             std::error_code& ec) const {
  const auto path = lease_path(cache_dir, repo_folder);
  std::optional<os::file_lock> lock;
  detail::with_folder_of(folder_, path, ec, [&] { lock = os::file_lock::try_lock(path, mode, ec); });
  // Only who is alone may take the file away: other holders would lose their lock with it.
  if (lock && mode == os::lock_mode::exclusive) lock->remove_on_release();
  return lock;
}

HUBCACHE_DECL std::optional<os::file_lock> ledger::wait_for_lease(const std::string& cache_dir,
                                                                  std::string_view repo_folder,
                                                                  std::error_code& ec) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (;;) {
    auto lease = try_lease(cache_dir, repo_folder, os::lock_mode::shared, ec);
    if (lease || ec || std::chrono::steady_clock::now() >= end) return lease;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

HUBCACHE_DECL bool ledger::is_leased(const std::string& cache_dir, std::string_view repo_folder) const {
  std::error_code ec;
  static_cast<void>(os::status(lease_path(cache_dir, repo_folder), ec));
  if (ec) return false;
  return !try_lease(cache_dir, repo_folder, os::lock_mode::exclusive, ec) && !ec;
}

HUBCACHE_DECL void ledger::sweep(std::int64_t now_ns) const {
  constexpr std::int64_t hour_ns = std::int64_t{3600} * 1'000'000'000;
  std::error_code ec;
  const auto root = os::folder::open(folder_, ec);
  const auto pins = ec ? os::folder() : root.child("pins", ec);
  for (const auto* in : {&root, &pins}) {
    for (const auto& entry : *in ? in->entries(ec) : std::vector<os::folder_entry>()) {
      if (entry.name.ends_with(".tmp") && in->status(entry.name, ec).identity.mtime_ns < now_ns - hour_ns &&
          !ec)
        in->remove(entry.name, ec);
    }
  }
}

}  // namespace hubcache::inline v0_1
