#pragma once

#include <hubcache/index/index_file.hpp>

#include <cstring>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL index_file index_file::create(const std::string& path, std::error_code& ec) {
  index_file result;
  result.file_ = os::create_new(path, 0600, ec);
  return result;
}

HUBCACHE_DECL index_file index_file::open(const std::string& path, index_access access, std::error_code& ec) {
  index_file result;
  result.file_ = os::open_write(path, ec);
  if (ec == std::errc::permission_denied || ec == std::errc::read_only_file_system) {
    result.file_ = os::open_read(path, ec);
  }
  if (ec) return {};
  const auto status = os::status(result.file_, ec);
  if (!ec && (status.owner != os::effective_user() || (status.mode & 022U) != 0)) {
    ec = std::make_error_code(std::errc::invalid_argument);
  }
  if (ec) return {};
  if (access == index_access::mapped) {
    std::error_code unmapped;  // then it is copied after all
    result.view_ =
        os::mapped_file::map(result.file_, static_cast<std::size_t>(status.identity.size), unmapped);
  }
  return result;
}

HUBCACHE_DECL std::size_t index_file::read(std::uint64_t offset, std::span<std::byte> into) const noexcept {
  const auto mapped = view_.bytes();
  if (into.size() > mapped.size() || offset > mapped.size() - into.size()) return read_on(offset, into);
  std::memcpy(into.data(), mapped.data() + offset, into.size());
  return into.size();
}

HUBCACHE_DECL std::size_t index_file::read_on(std::uint64_t offset,
                                              std::span<std::byte> into) const noexcept {
  std::error_code ec;
  const auto n = os::read_at(file_, into, offset, ec);
  return ec ? 0 : n;
}

HUBCACHE_DECL void index_file::write(byte_view bytes, std::uint64_t offset,
                                     std::error_code& ec) const noexcept {
  os::write_at(file_, bytes, offset, ec);
}

HUBCACHE_DECL std::uint64_t index_file::size(std::error_code& ec) const noexcept {
  return os::status(file_, ec).identity.size;
}

HUBCACHE_DECL bool index_file::nameless() const noexcept {
  std::error_code ec;
  return os::status(file_, ec).links == 0;
}

}  // namespace hubcache::inline v0_1::detail
