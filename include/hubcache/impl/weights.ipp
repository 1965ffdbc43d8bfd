#pragma once

#include <hubcache/digest.hpp>
#include <hubcache/format/weights.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>

namespace hubcache::inline v0_1 {

namespace detail {

/// The unsigned number that `bytes` begins with, least byte first. @pre bytes.size() >= sizeof(Number)
template <class Number>
Number little_endian(byte_view bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;)
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[i]);
  return static_cast<Number>(value);
}

/// None if it overflows.
constexpr std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) noexcept {
  if (b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b) return std::nullopt;
  return a * b;
}

/// The numbers in a tensor of `shape`; none if they overflow on the way.
HUBCACHE_DECL std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape) noexcept {
  std::optional<std::uint64_t> count = 1;
  for (std::size_t i = 0; count && i < shape.size(); ++i) count = product(*count, shape[i]);
  return count;
}

/// One of `names` that comes twice; none if there is none.
HUBCACHE_DECL std::optional<std::string_view> repeated(std::vector<std::string_view> names) {
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin == names.end()) return std::nullopt;
  return *twin;
}

/// The names, or the keys, of `items`.
template <class Item, class Name>
std::vector<std::string_view> names_of(const std::vector<Item>& items, Name Item::*name) {
  std::vector<std::string_view> names;
  names.reserve(items.size());
  for (const auto& item : items) names.push_back(item.*name);
  return names;
}

}  // namespace detail

HUBCACHE_DECL std::uint64_t parameter_count(std::span<const tensor_info> tensors) noexcept {
  std::uint64_t sum = 0;
  for (const auto& tensor : tensors) sum += detail::element_count(tensor.shape).value_or(0);
  return sum;
}

}  // namespace hubcache::inline v0_1
