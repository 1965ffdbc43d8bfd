#pragma once
/// @file
/// Git's name of a file's content: the SHA-1 of "blob <size>\0" and the bytes (git's object format,
/// "gitformat-pack" and `git hash-object`). The Hub names all files so that are not in LFS or Xet.

#include <hubcache/hash/hasher.hpp>

#include <cstdint>
#include <string>

namespace hubcache::inline v0_1 {

/// Hashes content whose size is known beforehand. Like a `hasher`, but not default-constructible.
/// The digest names the content only if exactly `size` bytes are given to update().
template <hasher Sha1>
class git_blob_hasher {
  static_assert(Sha1::algorithm == digest_algorithm::git_sha1, "git names blobs by SHA-1");

 public:
  static constexpr digest_algorithm algorithm = digest_algorithm::git_sha1;  ///< As hasher says.

  /// @param size Of the whole content, in bytes.
  explicit git_blob_hasher(std::uint64_t size) : prefix_("blob " + std::to_string(size) + '\0') { begin(); }

  /// As hasher says.
  void update(byte_view bytes) noexcept { inner_.update(bytes); }
  /// Of all updates. Afterwards this is as if newly made, for another content of the same size.
  [[nodiscard]] digest finish() noexcept {
    const digest result = inner_.finish();
    begin();
    return result;
  }

 private:
  void begin() noexcept { inner_.update(as_byte_view(prefix_)); }

  std::string prefix_;
  Sha1 inner_;
};

}  // namespace hubcache::inline v0_1
