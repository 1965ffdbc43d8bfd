#pragma once

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

/// Copies what the kernel is willing to copy of the first `size` bytes; returns how many that were.
HUBCACHE_DECL std::uint64_t copy_in_kernel(const os::descriptor& from, const os::descriptor& to,
                                           std::uint64_t size, std::error_code& ec) noexcept {
  constexpr std::uint64_t step = 64U << 20U;
  std::uint64_t done = 0;
  ec.clear();
  while (done < size) {
    auto in = static_cast<off_t>(done), out = in;
    const auto n = ::copy_file_range(from.get(), &in, to.get(), &out, std::min(size - done, step), 0);
    if (n < 0) ec.assign(errno, std::system_category());
    if (n <= 0) break;
    done += static_cast<std::uint64_t>(n);
  }
  // Not between these file systems, or not this file (some give up half-way): a buffer can still do it.
  const auto failure = classify(ec);
  if (failure == link_failure::capability || failure == link_failure::this_file) ec.clear();
  return done;
}

/// Copies the bytes from `offset` to `size`.
HUBCACHE_DECL void copy_by_buffer(const os::descriptor& from, const os::descriptor& to, std::uint64_t offset,
                                  std::uint64_t size, std::error_code& ec) {
  constexpr std::uint64_t block = 1U << 20U;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(std::min(size - offset, block));
  ec.clear();
  while (!ec && offset < size) {
    const std::span wanted(buffer.get(), std::min(size - offset, block));
    const auto n = os::read_at(from, wanted, offset, ec);
    if (!ec && n < wanted.size()) ec.assign(ESTALE, std::system_category());
    if (!ec) os::write_at(to, wanted, offset, ec);
    offset += n;
  }
}

}  // namespace detail

HUBCACHE_DECL link_report copy::link(const opened_file& have, const link_target& want, link_kinds kinds,
                                     std::error_code& ec) const {
  ec = std::make_error_code(std::errc::operation_not_supported);
  if (!kinds.contains(kind)) return {};
  const auto size = have.status.identity.size;
  detail::unpublished made(want);
  const auto file = made.create(have, ec);
  const auto done = ec ? 0 : detail::copy_in_kernel(have.file, file, size, ec);
  if (!ec) detail::copy_by_buffer(have.file, file, done, size, ec);
  if (!ec) made.publish(have, ec);
  return ec ? link_report{} : link_report(kind);
}

}  // namespace hubcache::inline v0_1
