#pragma once

#include <hubcache/impl/os_file.ipp>
#include <hubcache/os/sharing.hpp>

#include <algorithm>
#include <map>
#include <new>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#if defined(__linux__)
#include <linux/fs.h>
#endif

namespace hubcache::inline v0_1::os {

namespace detail {

/// Extended attributes by name.
HUBCACHE_DECL std::map<std::string, std::string> attributes_of(const descriptor& file, std::error_code& ec) {
  std::map<std::string, std::string> found;
  std::string names(std::size_t{64} << 10U, '\0');  // XATTR_LIST_MAX, as long as a value may be, too
  auto length = retried(ec, [&] { return ::flistxattr(file.get(), names.data(), names.size()); });
  if (ec == std::errc::operation_not_supported) {
    ec.clear();
    length = 0;
  }
  if (ec) return found;
  names.resize(static_cast<std::size_t>(length));
  std::string value(std::size_t{64} << 10U, '\0');
  for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1) {
    const char* const name = names.c_str() + at;
    length = retried(ec, [&] { return ::fgetxattr(file.get(), name, value.data(), value.size()); });
    if (ec) return found;
    found.emplace(name, value.substr(0, static_cast<std::size_t>(length)));
  }
  return found;
}

/// A file without a name, in `folder`, that holds `bytes`, on disk.
HUBCACHE_DECL descriptor nameless_file(const std::string& folder, byte_view bytes, std::error_code& ec) {
#if defined(O_TMPFILE)
  descriptor file(retried(ec, [&] { return ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); }));
  if (!ec) write_at(file, bytes, 0, ec);
  if (!ec) sync(file, ec);
  return file;
#else
  static_cast<void>(folder), static_cast<void>(bytes);
  ec = std::make_error_code(std::errc::operation_not_supported);
  return {};
#endif
}

}  // namespace detail

HUBCACHE_DECL share_outcome share_blocks(const descriptor& kept, const descriptor& other,
                                         std::uint64_t offset, std::uint64_t size,
                                         std::error_code& ec) noexcept {
#if defined(FIDEDUPERANGE)
  ec.clear();
  while (size > 0) {
    // The answer for the one destination follows the request.
    alignas(file_dedupe_range)
        std::array<std::byte, sizeof(file_dedupe_range) + sizeof(file_dedupe_range_info)>
            memory;
    auto* const range = new (memory.data()) file_dedupe_range;
    range->src_offset = offset;
    range->src_length = size;
    range->dest_count = 1;
    range->reserved1 = 0;
    range->reserved2 = 0;
    auto& info = range->info[0];
    info.dest_fd = other.get();
    info.dest_offset = offset;
    info.bytes_deduped = 0;
    info.status = 0;
    info.reserved = 0;
    detail::retried(ec, [&] { return ::ioctl(kept.get(), FIDEDUPERANGE, range); });
    if (ec) return share_outcome::failed;
    if (info.status == FILE_DEDUPE_RANGE_DIFFERS) return share_outcome::differs;
    if (info.status < 0) ec.assign(-info.status, std::system_category());
    if (!ec && info.bytes_deduped == 0) ec = std::make_error_code(std::errc::io_error);
    if (ec) return share_outcome::failed;
    const auto done = std::min<std::uint64_t>(info.bytes_deduped, size);
    offset += done;
    size -= done;
  }
  return share_outcome::shared;
#else
  static_cast<void>(kept), static_cast<void>(other), static_cast<void>(offset), static_cast<void>(size);
  ec = std::make_error_code(std::errc::operation_not_supported);
  return share_outcome::failed;
#endif
}

HUBCACHE_DECL bool can_share_blocks(const std::string& folder) {
  // As many bytes as any block has, and no zeros, which some file systems do not store.
  const std::string bytes(std::size_t{64} << 10U, 'h');
  std::error_code ec;
  const auto one = detail::nameless_file(folder, as_byte_view(bytes), ec);
  if (ec) return false;
  const auto two = detail::nameless_file(folder, as_byte_view(bytes), ec);
  return !ec && share_blocks(one, two, 0, bytes.size(), ec) == share_outcome::shared;
}

HUBCACHE_DECL bool same_attributes(const descriptor& a, const descriptor& b, std::error_code& ec) {
  const auto of_a = detail::attributes_of(a, ec);
  if (ec) return false;
  const auto of_b = detail::attributes_of(b, ec);
  return !ec && of_a == of_b;
}

}  // namespace hubcache::inline v0_1::os
