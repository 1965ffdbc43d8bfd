#pragma once
/// @file
/// Digests of whole files. Blocking: runs on a worker, reads in blocks of 1 MiB.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/os/file.hpp>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <system_error>

namespace hubcache::inline v0_1 {

/// The two names of one content.
struct both_digests {
  digest sha256;    ///< Of the bytes.
  digest git_sha1;  ///< As git names them.

  friend bool operator==(const both_digests&, const both_digests&) noexcept = default;
};

/// The digest of the `size` bytes of `file`, from its start; its offset is neither used nor moved.
/// @param stop  Asked before each block.
/// @return None exactly if `ec` is set: errc::size_mismatch if the file is not of that size, errc::cancelled, or
/// the system's error. That the file did not change meanwhile is for the caller to check.
[[nodiscard]] HUBCACHE_DECL std::optional<digest> hash_file(const hash_set_ref& hashes,
                                                            const os::descriptor& file,
                                                            digest_algorithm algorithm, std::uint64_t size,
                                                            std::stop_token stop, std::error_code& ec);

/// The same for both digests in one pass: files known by one name are so found by the other.
[[nodiscard]] HUBCACHE_DECL std::optional<both_digests> hash_file_both(const hash_set_ref& hashes,
                                                                       const os::descriptor& file,
                                                                       std::uint64_t size,
                                                                       std::stop_token stop,
                                                                       std::error_code& ec);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hash_file.ipp>
#endif
