#pragma once
/// @file
/// Streams print what has a to_string(): `std::cout << snapshot.totals`. Includes no stream: who prints has one.

#include <hubcache/config.hpp>

#include <concepts>
#include <iosfwd>
#include <string_view>

namespace hubcache::inline v0_1 {

/// Writes to_string(value). Found by argument-dependent look-up, so for the types of this namespace alone.
template <class Traits, class T>
requires requires(const T& value) {
  { to_string(value) } -> std::convertible_to<std::string_view>;
}
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const T& value) {
  return out << std::string_view(to_string(value));
}

}  // namespace hubcache::inline v0_1
