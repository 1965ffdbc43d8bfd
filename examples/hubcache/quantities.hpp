#pragma once
/// @file
/// Sizes and durations as users type them.

#include <chrono>
#include <cstdint>
#include <string_view>

namespace command {

/// A whole number of bytes with an optional unit: K, M, G, T, P (base 1000) or Ki, Mi, Gi, Ti, Pi (base 1024), a "B"
/// behind it or not, in any case.
/// @throws hubcache::error errc::invalid_argument
[[nodiscard]] std::uint64_t parse_bytes(std::string_view text);

/// A whole number with a unit: s, m, h, d, w, mo (30 days), y (365 days), in any case; seconds without one. For what
/// is shown only, as hf's filters read it.
/// @throws hubcache::error errc::invalid_argument
[[nodiscard]] std::chrono::seconds parse_duration(std::string_view text);

/// The same for what decides about a removal: nothing is guessed. All but 0 needs its unit, in lower case.
/// @throws hubcache::error errc::invalid_argument
[[nodiscard]] std::chrono::seconds parse_exact_duration(std::string_view text);

}  // namespace command
