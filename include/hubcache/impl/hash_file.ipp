#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_file.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace hubcache::inline v0_1 {

namespace detail {

/// Gives the content of `file` to `take`, block by block, in order; false and `ec` if that was not all of it.
template <class Take>
bool each_block(const os::descriptor& file, std::uint64_t size, const std::stop_token& stop,
                std::error_code& ec, Take take) {
  constexpr std::uint64_t block_size = 1U << 20U;
  const auto actual = os::status(file, ec).identity.size;
  if (!ec && actual != size) ec = errc::size_mismatch;
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(std::min(size, block_size));
  for (std::uint64_t offset = 0; !ec && offset < size;) {
    if (stop.stop_requested()) {
      ec = errc::cancelled;
      break;
    }
    const std::span block(buffer.get(), std::min(size - offset, block_size));
    const auto n = os::read_at(file, block, offset, ec);
    if (!ec && n < block.size()) ec = errc::size_mismatch;
    if (!ec) take(byte_view(block));
    offset += n;
  }
  return !ec;
}

}  // namespace detail

HUBCACHE_DECL std::optional<digest> hash_file(const hash_set_ref& hashes, const os::descriptor& file,
                                              digest_algorithm algorithm, std::uint64_t size,
                                              std::stop_token stop, std::error_code& ec) {
  auto stream = hashes.make(algorithm, size);
  if (!detail::each_block(file, size, stop, ec, [&](byte_view block) { stream.update(block); }))
    return std::nullopt;
  return stream.finish();
}

HUBCACHE_DECL std::optional<both_digests> hash_file_both(const hash_set_ref& hashes,
                                                         const os::descriptor& file, std::uint64_t size,
                                                         std::stop_token stop, std::error_code& ec) {
  auto sha256 = hashes.make(digest_algorithm::sha256, size);
  auto git_sha1 = hashes.make(digest_algorithm::git_sha1, size);
  const auto update = [&](byte_view block) {
    sha256.update(block);
    git_sha1.update(block);
  };
  if (!detail::each_block(file, size, stop, ec, update)) return std::nullopt;
  return both_digests{sha256.finish(), git_sha1.finish()};
}

}  // namespace hubcache::inline v0_1
