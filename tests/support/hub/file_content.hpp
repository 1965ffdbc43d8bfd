#pragma once
/// @file
/// The bytes of a file and all names the Hub gives them.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace embedded {

/// Immutable bytes, owned or generated: a generated content of any size needs no memory. Copies share bytes
/// and names. Names are computed when first asked for, in one pass, and kept. Safe to use from many threads.
class file_content {
 public:
  /// No bytes.
  file_content();
  /// Exactly these bytes.
  [[nodiscard]] static file_content of(std::string bytes);
  /// `size` bytes: `head`, then pseudo-random ones. Equal arguments mean equal bytes. @pre head.size() <= size
  [[nodiscard]] static file_content generated(std::uint64_t seed, std::uint64_t size, std::string head = {});

  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Fills `out` with the bytes from `offset` on. @pre offset + out.size() <= size()
  void read(std::uint64_t offset, std::span<char> out) const;
  /// All bytes.
  [[nodiscard]] std::string text() const;
  /// Differs for different bytes; as cheap as the size for generated ones.
  [[nodiscard]] std::string fingerprint() const;

  /// git's blob id of the bytes, 40 hex: the etag of a regular file.
  [[nodiscard]] const std::string& git_sha1() const;
  /// 64 hex: the etag of an LFS file.
  [[nodiscard]] const std::string& sha256() const;
  /// 64 hex that the CDN uses as its own ETag; differs from sha256, as Xet hashes do, but is no real Xet
  /// hash.
  [[nodiscard]] const std::string& xet_hash() const;
  /// The text that git holds in place of an LFS file.
  [[nodiscard]] const std::string& lfs_pointer() const;
  /// git's blob id of that text.
  [[nodiscard]] const std::string& lfs_pointer_oid() const;

 private:
  struct shared_state;
  struct names;
  explicit file_content(std::shared_ptr<const shared_state> state);
  [[nodiscard]] const names& named() const;

  std::shared_ptr<const shared_state> state_;
};

/// SHA-256 of `text` as 64 hex digits.
[[nodiscard]] std::string sha256_hex(std::string_view text);
/// SHA-1 of `text` as 40 hex digits.
[[nodiscard]] std::string sha1_hex(std::string_view text);

}  // namespace embedded
