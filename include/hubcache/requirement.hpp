#pragma once
/// @file
/// What an organisation requires of everything that is downloaded.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Also a bit of a `requirements` set. What does not meet one fails with errc::disallowed and gets no name on disk.
enum class requirement : std::uint8_t {
  safetensors = 1,  ///< No pickles, whose code runs when they are loaded: by name, and by their first bytes.
  scan = 2,         ///< The Hub's scans call every file safe. Needs the Hub: offline nothing meets it.
  sha256 =
      4,  ///< The sha256 of every file is known before a byte is fetched: by the listing, or a lock file.
};

/// "safetensors", "scan" or "sha256": as in HUBCACHE_REQUIRE.
[[nodiscard]] constexpr std::string_view to_string(requirement one) noexcept {
  switch (one) {
    case requirement::safetensors:
      return "safetensors";
    case requirement::scan:
      return "scan";
    case requirement::sha256:
      break;
  }
  return "sha256";
}

/// A set of requirements.
class requirements {
 public:
  constexpr requirements() noexcept = default;
  /// The set of one.
  constexpr requirements(requirement one) noexcept : bits_(static_cast<std::uint8_t>(one)) {}  // NOLINT

  /// Whether nothing is required.
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// Whether `one` is required.
  [[nodiscard]] constexpr bool contains(requirement one) const noexcept {
    return (bits_ & static_cast<std::uint8_t>(one)) != 0;
  }
  /// The others of the set.
  [[nodiscard]] constexpr requirements without(requirement one) const noexcept {
    requirements result;
    result.bits_ = static_cast<std::uint8_t>(bits_ & ~static_cast<std::uint8_t>(one));
    return result;
  }
  /// The union.
  friend constexpr requirements operator|(requirements a, requirements b) noexcept {
    a.bits_ = static_cast<std::uint8_t>(a.bits_ | b.bits_);
    return a;
  }
  friend constexpr bool operator==(requirements, requirements) noexcept = default;

 private:
  std::uint8_t bits_ = 0;
};

/// The set of both.
constexpr requirements operator|(requirement a, requirement b) noexcept {
  return requirements(a) | requirements(b);
}

/// Reads names separated by commas, blanks around them ignored; none if one of them is unknown.
[[nodiscard]] constexpr std::optional<requirements> parse_requirements(std::string_view text) noexcept {
  requirements result;
  while (!text.empty()) {
    auto name = text.substr(0, text.find(','));
    text.remove_prefix(name.size() < text.size() ? name.size() + 1 : name.size());
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name.empty()) continue;
    bool known = false;
    for (auto one : {requirement::safetensors, requirement::scan, requirement::sha256}) {
      if (name != to_string(one)) continue;
      result = result | one;
      known = true;
    }
    if (!known) return std::nullopt;
  }
  return result;
}

}  // namespace hubcache::inline v0_1
