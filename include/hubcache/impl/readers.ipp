#pragma once

#include <hubcache/store/readers.hpp>

#include <algorithm>
#include <filesystem>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL void readers::pass(const os::file_status& passed, std::uint32_t bits) {
  gate next;
  next.owner = passed.owner;
  next.group = passed.group;
  next.members = (passed.mode & bits & 0070U) != 0;
  const bool everybody = next.members && (passed.mode & bits & 0007U) != 0;
  if (!everybody && std::find(gates_.begin(), gates_.end(), next) == gates_.end()) gates_.push_back(next);
}

HUBCACHE_DECL readers readers::of_folder(const std::string& folder, std::error_code& ec) {
  readers result;
  std::filesystem::path at;
  for (const auto& part : std::filesystem::canonical(folder, ec)) {
    at /= part;
    const auto passed = os::status(at.string(), ec);
    if (ec) break;
    result.pass(passed, 0011);
  }
  return result;
}

HUBCACHE_DECL readers readers::through(const os::file_status& file) const {
  readers result(*this);
  result.pass(file, 0044);
  return result;
}

HUBCACHE_DECL bool readers::within(const readers& others) const noexcept {
  const auto lets_in_no_more = [](const gate& a, const gate& b) {
    const bool owner = a.owner == b.owner || a.owner == 0 || a.owner == os::effective_user();
    return owner && (!a.members || (b.members && a.group == b.group));
  };
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
                                     const readers& allowed) {
  os::file_status made;
  made.owner = os::effective_user();
  made.group = group;
  for (const std::uint32_t mask : {0777U, 0770U, 0700U}) {
    made.mode = mode & mask;
    if (around.through(made).within(allowed)) break;
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
