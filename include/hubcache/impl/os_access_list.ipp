#pragma once

#include <hubcache/impl/os_file.ipp>
#include <hubcache/os/access_list.hpp>

#include <array>
#include <span>
#if defined(__linux__)
#include <sys/xattr.h>
#endif

namespace hubcache::inline v0_1::os {

namespace detail {

/// Reads the form of the attributes system.posix_acl_*: a version, then tag, permissions and id of each entry, in
/// little-endian order (linux/posix_acl_xattr.h). What has another form is an error.
HUBCACHE_DECL std::vector<access_entry> parse_access_list(std::span<const unsigned char> bytes,
                                                          std::error_code& ec) {
  constexpr std::uint32_t named_user = 0x02, owning_group = 0x04, named_group = 0x08;
  constexpr std::size_t head = 4, entry = 8;
  std::vector<access_entry> result;
  const auto number = [bytes](std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8U | bytes[at + i];
    return value;
  };
  if (bytes.size() < head || (bytes.size() - head) % entry != 0 || number(0, head) != 2) {
    ec = std::make_error_code(std::errc::not_supported);
    return result;
  }
  for (auto at = head; at < bytes.size(); at += entry) {
    access_entry one;
    one.permissions = number(at + 2, 2);
    one.id = number(at + 4, 4);
    const auto tag = number(at, 2);
    if (tag == named_user) one.of = access_entry::subject::user;
    if (tag == named_group) one.of = access_entry::subject::group;
    if (tag == named_user || tag == named_group || tag == owning_group) result.push_back(one);
  }
  return result;
}

/// The list that `get(buffer, size)` reads, as getxattr(2).
template <class Get>
std::vector<access_entry> read_access_list(std::error_code& ec, Get get) {
#if defined(__linux__)
  std::array<unsigned char, 8192> bytes;  // a thousand entries; more are an error
  const auto size = retried(ec, [&] { return get(bytes.data(), bytes.size()); });
  if (ec.value() == ENODATA || ec.value() == EOPNOTSUPP) {
    ec.clear();
    return {};
  }
  if (ec) return {};
  return parse_access_list(std::span(bytes).first(static_cast<std::size_t>(size)), ec);
#else
  static_cast<void>(get);
  ec.clear();
  return {};
#endif
}

}  // namespace detail

HUBCACHE_DECL std::vector<access_entry> access_list(const std::string& path, std::error_code& ec) {
  return detail::read_access_list(ec, [&path](void* into, std::size_t size) {
    return ::getxattr(path.c_str(), "system.posix_acl_access", into, size);
  });
}

HUBCACHE_DECL std::vector<access_entry> access_list(const descriptor& file, std::error_code& ec) {
  return detail::read_access_list(ec, [&file](void* into, std::size_t size) {
    return ::fgetxattr(file.get(), "system.posix_acl_access", into, size);
  });
}

HUBCACHE_DECL std::vector<access_entry> inherited_access_list(const std::string& folder,
                                                              std::error_code& ec) {
  return detail::read_access_list(ec, [&folder](void* into, std::size_t size) {
    return ::getxattr(folder.c_str(), "system.posix_acl_default", into, size);
  });
}

}  // namespace hubcache::inline v0_1::os
