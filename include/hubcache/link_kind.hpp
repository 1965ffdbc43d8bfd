#pragma once
/// @file
/// The ways to give content a second name.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// Also a bit of a `link_kinds` set.
enum class link_kind : std::uint8_t {
  reflink = 1,  ///< A copy-on-write clone: own inode, shared blocks. An edit of one never reaches the other.
  hard_link = 2,  ///< Another name of the same inode. An edit of one is an edit of both.
  symlink = 4,    ///< A name that points at a path. Deleting the target breaks it.
  copy = 8,       ///< Own bytes, own space.
};

/// "reflink", "hardlink", "symlink" or "copy": as on the command line and in JSON.
[[nodiscard]] constexpr std::string_view to_string(link_kind kind) noexcept {
  switch (kind) {
    case link_kind::reflink:
      return "reflink";
    case link_kind::hard_link:
      return "hardlink";
    case link_kind::symlink:
      return "symlink";
    case link_kind::copy:
      break;
  }
  return "copy";
}

/// A set of kinds that a caller allows.
class link_kinds {
 public:
  constexpr link_kinds() noexcept = default;
  /// The set of one kind.
  constexpr link_kinds(link_kind kind) noexcept : bits_(static_cast<std::uint8_t>(kind)) {}  // NOLINT

  /// Whether `kind` is allowed.
  [[nodiscard]] constexpr bool contains(link_kind kind) const noexcept {
    return (bits_ & static_cast<std::uint8_t>(kind)) != 0;
  }
  /// Whether it is one kind: a request, not a choice.
  [[nodiscard]] constexpr bool single() const noexcept { return std::has_single_bit(bits_); }
  /// The others of the set.
  [[nodiscard]] constexpr link_kinds without(link_kind kind) const noexcept {
    link_kinds result;
    result.bits_ = static_cast<std::uint8_t>(bits_ & ~static_cast<std::uint8_t>(kind));
    return result;
  }
  /// The union.
  friend constexpr link_kinds operator|(link_kinds a, link_kinds b) noexcept {
    a.bits_ = static_cast<std::uint8_t>(a.bits_ | b.bits_);
    return a;
  }
  friend constexpr bool operator==(link_kinds, link_kinds) noexcept = default;

 private:
  std::uint8_t bits_ = 0;
};

/// The set of both.
constexpr link_kinds operator|(link_kind a, link_kind b) noexcept { return link_kinds(a) | link_kinds(b); }

/// What "auto" allows: other clients' deletes follow cross-repo symlinks, so those are made on request only.
inline constexpr link_kinds auto_link_kinds = link_kind::reflink | link_kind::hard_link | link_kind::copy;

/// Reads "auto" or the name of one kind.
[[nodiscard]] constexpr std::optional<link_kinds> parse_link_kinds(std::string_view text) noexcept {
  if (text == "auto") return auto_link_kinds;
  for (auto kind : {link_kind::reflink, link_kind::hard_link, link_kind::symlink, link_kind::copy}) {
    if (text == to_string(kind)) return link_kinds(kind);
  }
  return std::nullopt;
}

/// Why a file was not linked by a better kind.
struct link_refusal {
  link_refusal() = default;
  /// Sets kind and reason.
  link_refusal(link_kind k, std::string why) : kind(k), reason(std::move(why)) {}

  link_kind kind = link_kind::reflink;  ///< That was refused.
  std::string reason;  ///< For people: "Operation not supported".

  friend bool operator==(const link_refusal&, const link_refusal&) = default;
};
static_assert(!std::is_aggregate_v<link_refusal>);

}  // namespace hubcache::inline v0_1
