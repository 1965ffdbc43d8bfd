#pragma once

#include <hubcache/store/readers.hpp>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL void readers::pass(const os::file_status& passed, std::uint32_t bits,
                                 std::span<const os::access_entry> list) {
  using enum os::access_entry::subject;
  const bool limit = (passed.mode & bits & 0070U) != 0;  // with a list these bits are its mask
  gate next;
  next.owner = passed.owner;
  bool members = limit && list.empty();
  for (const auto& entry : list) {
    if (!limit || (entry.permissions & bits & 0007U) == 0) continue;
    if (entry.of == owning_group) members = true;
    if (entry.of == user) next.users.push_back(entry.id);
    if (entry.of == group) next.groups.push_back(entry.id);
  }
  if (members && (passed.mode & bits & 0007U) != 0) return;  // everybody
  if (members) next.groups.push_back(passed.group);
  std::sort(next.users.begin(), next.users.end());
  std::sort(next.groups.begin(), next.groups.end());
  if (std::find(gates_.begin(), gates_.end(), next) == gates_.end()) gates_.push_back(std::move(next));
}

HUBCACHE_DECL readers readers::of_folder(const std::string& folder, std::error_code& ec) {
  readers result;
  std::filesystem::path at;
  for (const auto& part : std::filesystem::canonical(folder, ec)) {
    at /= part;
    const auto passed = os::status(at.string(), ec);
    const auto list = ec ? std::vector<os::access_entry>() : os::access_list(at.string(), ec);
    if (ec) break;
    result.pass(passed, 0011, list);
  }
  return result;
}

HUBCACHE_DECL readers readers::through(const os::file_status& file,
                                       std::span<const os::access_entry> list) const {
  readers result(*this);
  result.pass(file, 0044, list);
  return result;
}

HUBCACHE_DECL bool readers::lets_in_no_more(const gate& a, const gate& b) noexcept {
  const auto known = [&b](std::uint32_t user) {
    return user == 0 || user == os::effective_user() || user == b.owner ||
           std::binary_search(b.users.begin(), b.users.end(), user);
  };
  return known(a.owner) && std::all_of(a.users.begin(), a.users.end(), known) &&
         std::includes(b.groups.begin(), b.groups.end(), a.groups.begin(), a.groups.end());
}

HUBCACHE_DECL bool readers::within(const readers& others) const noexcept {
  return std::all_of(others.gates_.begin(), others.gates_.end(), [&](const gate& b) {
    return std::any_of(gates_.begin(), gates_.end(), [&](const gate& a) { return lets_in_no_more(a, b); });
  });
}

HUBCACHE_DECL bool is_shared_folder(const os::file_status& folder) noexcept {
  constexpr std::uint32_t setgid = 02000, group_writes = 0020, others_write = 0002;
  return (folder.mode & (setgid | others_write)) != 0 ||
         ((folder.mode & group_writes) != 0 && folder.group != folder.owner);
}

HUBCACHE_DECL std::uint32_t mode_for(std::uint32_t mode, std::uint32_t group, const readers& around,
                                     const readers& allowed, std::span<const os::access_entry> inherited) {
  os::file_status made;
  made.owner = os::effective_user();
  made.group = group;
  for (const std::uint32_t mask : {0777U, 0770U, 0700U}) {
    made.mode = mode & mask;
    if (around.through(made, inherited).within(allowed)) break;
  }
  return made.mode;
}

HUBCACHE_DECL std::uint32_t group_in(const std::string& folder) noexcept {
  constexpr std::uint32_t setgid = 02000;
  std::error_code ec;
  const auto status = os::status(folder, ec, true);
  return (status.mode & setgid) != 0 ? status.group : os::effective_group();
}

}  // namespace hubcache::inline v0_1
