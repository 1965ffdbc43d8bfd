#pragma once

#include <hubcache/error.hpp>
#include <hubcache/link/copy.hpp>
#include <hubcache/link/link_failure.hpp>
#include <hubcache/link/unpublished.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <unistd.h>

namespace hubcache::inline v0_1 {

namespace detail {

/// The bytes from `begin` to `end`, excluded.
struct extent_to_copy {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// The first range at or after `offset` that is no hole, up to `size`; empty at the end. Where the file system cannot
/// tell, all is data.
HUBCACHE_DECL extent_to_copy next_data(const os::descriptor& file, std::uint64_t offset,
                                       std::uint64_t size) noexcept {
  const auto begin = ::lseek(file.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return {size, size};
  if (begin < 0) return {offset, size};
  const auto end = ::lseek(file.get(), begin, SEEK_HOLE);
  const auto from = std::min(static_cast<std::uint64_t>(begin), size);
  return {from, end <= begin ? size : std::min(static_cast<std::uint64_t>(end), size)};
}

/// Copies what the kernel is willing to copy of `range`; returns where it stopped.
HUBCACHE_DECL std::uint64_t copy_in_kernel(const os::descriptor& from, const os::descriptor& to,
                                           extent_to_copy range, const std::stop_token& stop,
                                           std::error_code& ec) noexcept {
  constexpr std::uint64_t step = 8U << 20U;
  ec.clear();
  while (range.begin < range.end) {
    if (stop.stop_requested()) {
      ec = errc::cancelled;
      return range.begin;
    }
    auto in = static_cast<off_t>(range.begin), out = in;
    const auto length = std::min(range.end - range.begin, step);
    const auto n = ::copy_file_range(from.get(), &in, to.get(), &out, length, 0);
    if (n < 0) ec.assign(errno, std::system_category());
    if (n <= 0) break;
    range.begin += static_cast<std::uint64_t>(n);
  }
  // Not between these file systems, or not this file (some give up half-way): a buffer can still do it.
  const auto failure = classify(ec);
  if (failure == link_failure::capability || failure == link_failure::this_file) ec.clear();
  return range.begin;
}

HUBCACHE_DECL void copy_by_buffer(const os::descriptor& from, const os::descriptor& to, extent_to_copy range,
                                  const std::stop_token& stop, std::error_code& ec) {
  constexpr std::uint64_t block = 1U << 20U;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(std::min(range.end - range.begin, block));
  ec.clear();
  while (!ec && range.begin < range.end) {
    const std::span wanted(buffer.get(), std::min(range.end - range.begin, block));
    const auto n = os::read_at(from, wanted, range.begin, ec);
    if (!ec && n < wanted.size()) ec.assign(ESTALE, std::system_category());
    if (!ec) os::write_at(to, wanted, range.begin, ec);
    if (!ec && stop.stop_requested()) ec = errc::cancelled;
    range.begin += n;
  }
}

/// What is not larger is copied in one piece.
inline constexpr std::uint64_t small_copy = 64 * 1024;

/// Fills the empty file `to` with the content of `have`.
HUBCACHE_DECL void copy_content(const opened_file& have, const os::descriptor& to,
                                const std::stop_token& stop, std::error_code& ec) {
  const auto size = have.status.identity.size;
  bool sparse = have.status.allocated < size;
  if (sparse) {
    // The calls that find holes have lied about what was not on disk yet (OpenZFS #15526).
    os::sync(have.file, ec);
    sparse = !ec;
  }
  // To know early that the space lacks; of what one write brings, that write tells.
  if (!sparse && size > small_copy) os::reserve(to, size, ec);
  extent_to_copy range;
  while (!ec && range.end < size) {
    range = sparse ? next_data(have.file, range.end, size) : extent_to_copy{0, size};
    range.begin = copy_in_kernel(have.file, to, range, stop, ec);
    if (!ec && range.begin < range.end) copy_by_buffer(have.file, to, range, stop, ec);
  }
  if (!ec && sparse) os::resize(to, size, ec);
}

}  // namespace detail

HUBCACHE_DECL link_report copy::link(const opened_file& have, const link_target& want, link_kinds kinds,
                                     std::error_code& ec) const {
  ec = std::make_error_code(std::errc::operation_not_supported);
  if (!kinds.contains(kind)) return {};
  detail::unpublished made(want);
  const auto file = made.create(have, ec);
  if (!ec) detail::copy_content(have, file, want.stop, ec);
  if (!ec) made.publish(have, ec);
  return ec ? link_report{} : link_report(kind);
}

}  // namespace hubcache::inline v0_1
