#pragma once
/// @file
/// Digests of many files at once, in lanes where those are faster.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/os/file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <system_error>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// A file for hash_files().
struct file_to_hash {
  file_to_hash() = default;

  os::descriptor file;         ///< Its offset is neither used nor moved.
  os::file_identity identity;  ///< Of `file`, before its first byte is read; so many bytes are hashed.
  digest_algorithm algorithm = digest_algorithm::sha256;  ///< By which it is hashed.
  std::size_t number = 0;  ///< The caller's name for it.
};
static_assert(!std::is_aggregate_v<file_to_hash>);

/// Whence hash_files() has its files, and who is told of them. Called on its thread.
class file_feed {
 public:
  file_feed() = default;
  file_feed(const file_feed&) = delete;
  file_feed& operator=(const file_feed&) = delete;

  /// Another file besides those that have not ended; none: not now, or, if all have ended, never more.
  virtual std::optional<file_to_hash> next() = 0;
  /// `bytes` more were hashed.
  virtual void advance(std::uint64_t bytes) = 0;
  /// The file has that digest; or none, and `ec` is errc::size_mismatch if it is shorter, errc::cancelled, or the
  /// system's error. That it did not change meanwhile is for the feed to check.
  virtual void end(const file_to_hash& file, const std::optional<digest>& name,
                   const std::error_code& ec) = 0;

 protected:
  ~file_feed() = default;
};

/// Hashes the files of `feed`, at most `most_lanes` at a time. Blocking; takes a buffer of 256 KiB for each of these.
/// @param stop  Asked before each block.
HUBCACHE_DECL void hash_files(const hash_set_ref& hashes, file_feed& feed, const std::stop_token& stop);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hash_files.ipp>
#endif
