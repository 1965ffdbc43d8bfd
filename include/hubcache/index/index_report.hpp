#pragma once
/// @file
/// What a look at the whole index shows.

#include <hubcache/print.hpp>

#include <cstdint>
#include <string_view>

namespace hubcache::inline v0_1 {

/// How well an index works.
enum class index_condition : unsigned char {
  none,     ///< There is no index.
  sound,    ///< Everything in it can be found.
  damaged,  ///< Some of it is lost. What is found is right all the same: every record is checked.
  /// A file is missing, malformed, shorter than it was, not this user's or writable by others: nothing is found.
  unusable,
};

/// "none", "sound", "damaged" or "unusable".
[[nodiscard]] constexpr std::string_view to_string(index_condition condition) noexcept {
  switch (condition) {
    case index_condition::none:
      return "none";
    case index_condition::sound:
      return "sound";
    case index_condition::damaged:
      return "damaged";
    case index_condition::unusable:
      break;
  }
  return "unusable";
}

/// The index at one moment; while others write, numbers may be off by what they change.
struct index_report {
  index_condition condition = index_condition::none;  ///< Of the whole index.
  unsigned version = 2;  ///< Of the file format.

  std::uint64_t entries = 0;        ///< Contents with at least one place.
  std::uint64_t places = 0;         ///< Of all contents.
  std::uint64_t verified = 0;       ///< Places whose content was hashed; the others are claimed.
  std::uint64_t fingerprinted = 0;  ///< Places with a fingerprint.

  std::uint64_t damaged_slots = 0;  ///< Entries that look-ups do not reach, or not all places of.
  std::uint64_t lost_slots = 0;     ///< Entries that were counted once and are gone without a trace.
  /// Records that check out and that no look-up shows: replaced, forgotten, or lost with a slot.
  std::uint64_t unreachable = 0;

  std::uint64_t slots = 0;        ///< Of the table.
  std::uint64_t used_slots = 0;   ///< Those with an entry, or with one that was forgotten.
  std::uint64_t table_bytes = 0;  ///< File size.
  std::uint64_t log_bytes = 0;    ///< File size.
  std::uint64_t dead_bytes = 0;   ///< Of the log: all that look-ups do not show.

  /// Used share of the slots; the table grows at 0.65.
  [[nodiscard]] double load() const noexcept { return share(used_slots, slots); }
  /// Dead share of the log; it is written anew beyond a half.
  [[nodiscard]] double dead_share() const noexcept { return share(dead_bytes, log_bytes); }

  friend bool operator==(const index_report&, const index_report&) = default;

 private:
  static double share(std::uint64_t part, std::uint64_t whole) noexcept {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

}  // namespace hubcache::inline v0_1
