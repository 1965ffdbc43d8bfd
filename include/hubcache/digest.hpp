#pragma once
/// @file
/// Names of content: digest = sha256 or git blob sha1; content = digest and size.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hubcache::inline v0_1 {

/// A read-only run of bytes.
using byte_view = std::span<const std::byte>;

/// The bytes of `text`, not copied.
[[nodiscard]] inline byte_view as_byte_view(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// How the Hub names content (git blob sha1 for regular files, sha256 for LFS and Xet files).
enum class digest_algorithm : std::uint8_t {
  sha256 = 1,    ///< SHA-256 of the bytes; 64 hex digits.
  git_sha1 = 2,  ///< SHA-1 of "blob <size>\0" and the bytes; 40 hex digits.
};

/// The digest of some content. A plain value; 33 bytes, ordered and hashable.
class digest {
 public:
  static constexpr std::size_t max_size = 32;  ///< Bytes of the longest digest.

  constexpr digest() noexcept = default;

  /// Takes the first 32 (sha256) or 20 (git_sha1) bytes of `bytes`; missing ones are zero.
  digest(digest_algorithm algorithm, byte_view bytes) noexcept : algorithm_(algorithm) {
    std::copy_n(bytes.begin(), std::min(bytes.size(), size()), bytes_.begin());
  }

  /// Reads exactly 64 (sha256) or 40 (git sha1) lower-case hex digits; anything else is no digest.
  [[nodiscard]] static constexpr std::optional<digest> parse(std::string_view hex) noexcept {
    digest result;
    if (hex.size() == 64) {
      result.algorithm_ = digest_algorithm::sha256;
    } else if (hex.size() == 40) {
      result.algorithm_ = digest_algorithm::git_sha1;
    } else {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < hex.size(); ++i) {
      const int value = nibble(hex[i]);
      if (value < 0) return std::nullopt;
      auto& byte = result.bytes_[i / 2];
      byte = static_cast<std::byte>((std::to_integer<unsigned>(byte) << 4U) | static_cast<unsigned>(value));
    }
    return result;
  }

  /// By which this digest was made.
  [[nodiscard]] constexpr digest_algorithm algorithm() const noexcept { return algorithm_; }
  /// Length in bytes: 32 or 20.
  [[nodiscard]] constexpr std::size_t size() const noexcept {
    return algorithm_ == digest_algorithm::sha256 ? 32U : 20U;
  }
  /// Valid as long as this digest.
  [[nodiscard]] byte_view bytes() const noexcept { return {bytes_.data(), size()}; }
  /// Lower-case hex, without a prefix: the blob's file name in a Hub cache.
  [[nodiscard]] std::string hex() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * size());
    for (std::byte b : bytes()) {
      text += digits[std::to_integer<unsigned>(b) >> 4U];
      text += digits[std::to_integer<unsigned>(b) & 15U];
    }
    return text;
  }

  /// hex(); streams print it.
  [[nodiscard]] friend std::string to_string(const digest& value) { return value.hex(); }
  friend constexpr bool operator==(const digest&, const digest&) noexcept = default;
  friend constexpr auto operator<=>(const digest&, const digest&) noexcept = default;

 private:
  static constexpr int nibble(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  }

  digest_algorithm algorithm_ = digest_algorithm::sha256;
  std::array<std::byte, max_size> bytes_{};
};

/// Content: bytes named by digest and size (bytes).
struct content {
  constexpr content() noexcept = default;
  /// Sets name and size.
  constexpr content(const digest& d, std::uint64_t bytes) noexcept : name(d), size(bytes) {}

  digest name;             ///< Of the bytes.
  std::uint64_t size = 0;  ///< In bytes.

  friend constexpr bool operator==(const content&, const content&) noexcept = default;
  friend constexpr auto operator<=>(const content&, const content&) noexcept = default;
};

}  // namespace hubcache::inline v0_1

/// Digests are uniform already: their first word is the hash.
template <>
struct std::hash<hubcache::digest> {
  /// The first word. O(1).
  std::size_t operator()(const hubcache::digest& d) const noexcept {
    std::size_t word = 0;
    std::memcpy(&word, d.bytes().data(), sizeof word);
    return word;
  }
};
/// Contents are told apart by size, too.
template <>
struct std::hash<hubcache::content> {
  /// The digest's hash, changed by the size. O(1).
  std::size_t operator()(const hubcache::content& c) const noexcept {
    return std::hash<hubcache::digest>{}(c.name) ^ static_cast<std::size_t>(c.size);
  }
};
