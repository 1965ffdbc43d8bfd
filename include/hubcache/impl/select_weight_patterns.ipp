#pragma once

#include <hubcache/select/weight_patterns.hpp>

#include <algorithm>
#include <initializer_list>

namespace hubcache::inline v0_1 {

namespace detail {

/// Takes `text` off the front of `rest` if that begins with it.
constexpr bool take_text(std::string_view& rest, std::string_view text) noexcept {
  if (!rest.starts_with(text)) return false;
  rest.remove_prefix(text.size());
  return true;
}

/// Takes the one of `texts`, none of which begins another, that `rest` begins with.
constexpr bool take_one_of(std::string_view& rest, std::initializer_list<std::string_view> texts) noexcept {
  return std::any_of(texts.begin(), texts.end(), [&rest](std::string_view t) { return take_text(rest, t); });
}

constexpr bool take_weight_stem(std::string_view& rest) noexcept {
  return take_one_of(rest, {"diffusion_pytorch_model", "model", "weights", "pytorch_model"});
}

constexpr bool take_weight_format(std::string_view& rest) noexcept {
  return take_one_of(rest, {"bin", "safetensors", "onnx", "pb"});
}

/// The length of "-00001-of-00002".
inline constexpr std::size_t shard_mark_size = 15;

/// Takes a shard's number off the front.
constexpr bool take_shard_mark(std::string_view& rest) noexcept {
  const auto mark = rest.substr(0, shard_mark_size);
  const auto digits = [](std::string_view t) {
    return std::all_of(t.begin(), t.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (mark.size() != shard_mark_size || mark[0] != '-' || mark.substr(6, 4) != "-of-") return false;
  if (!digits(mark.substr(1, 5)) || !digits(mark.substr(10))) return false;
  rest.remove_prefix(shard_mark_size);
  return true;
}

/// Whether `rest` is ".FORMAT" and no more.
constexpr bool is_weight_format(std::string_view rest) noexcept {
  return take_text(rest, ".") && take_weight_format(rest) && rest.empty();
}

}  // namespace detail

HUBCACHE_DECL bool is_variant_text(std::string_view text) noexcept {
  return !text.empty() &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             text.npos;
}

HUBCACHE_DECL bool is_plain_weights(std::string_view name) noexcept {
  if (!detail::take_weight_stem(name)) return false;
  detail::take_shard_mark(name);
  return detail::is_weight_format(name);
}

HUBCACHE_DECL bool is_plain_index(std::string_view name) noexcept {
  return detail::take_weight_stem(name) && detail::take_text(name, ".") && detail::take_weight_format(name) &&
         name.starts_with(".index.json");
}

HUBCACHE_DECL bool is_variant_weights(std::string_view name, std::string_view variant) noexcept {
  if (!detail::take_weight_stem(name) || !detail::take_text(name, ".") || !detail::take_text(name, variant)) {
    return false;
  }
  detail::take_shard_mark(name);
  return detail::is_weight_format(name);
}

HUBCACHE_DECL bool is_variant_index(std::string_view name, std::string_view variant) noexcept {
  return detail::take_weight_stem(name) && detail::take_text(name, ".") && detail::take_weight_format(name) &&
         detail::take_text(name, ".index.") && detail::take_text(name, variant) && name == ".json";
}

HUBCACHE_DECL bool is_legacy_weights(std::string_view name, std::string_view variant) noexcept {
  const auto dot = name.rfind('.');
  if (dot == name.npos || dot + 1 == name.size()) return false;
  const auto letters = name.substr(dot + 1);
  if (!std::all_of(letters.begin(), letters.end(), [](char c) { return c >= 'a' && c <= 'z'; })) return false;
  const auto before = name.substr(0, dot);
  const auto end = variant.size() + 1;
  if (before.size() < detail::shard_mark_size + end || !before.ends_with(variant)) return false;
  auto mark = before.substr(before.size() - end - detail::shard_mark_size);
  return detail::take_shard_mark(mark) && mark.starts_with('.');
}

HUBCACHE_DECL bool is_legacy_index(std::string_view name, std::string_view variant) noexcept {
  return detail::take_weight_stem(name) && detail::take_text(name, ".") && detail::take_weight_format(name) &&
         detail::take_text(name, ".") && detail::take_text(name, variant) && name == ".index.json";
}

HUBCACHE_DECL bool ends_like_weights(std::string_view path) noexcept {
  const auto endings = {"bin", "safetensors", "onnx", "pb", "flashpack"};
  return std::any_of(endings.begin(), endings.end(),
                     [path](std::string_view e) { return path.ends_with(e); });
}

HUBCACHE_DECL std::string_view variant_of(std::string_view name) noexcept {
  if (!detail::take_weight_stem(name)) return {};
  const bool legacy = detail::take_shard_mark(name);
  const auto dot = name.rfind('.');
  if (!name.starts_with('.') || dot == 0 || !detail::is_weight_format(name.substr(dot))) return {};
  auto variant = name.substr(1, dot - 1);
  if (!legacy && variant.size() > detail::shard_mark_size) {
    auto mark = variant.substr(variant.size() - detail::shard_mark_size);
    if (detail::take_shard_mark(mark)) variant.remove_suffix(detail::shard_mark_size);
  }
  return is_variant_text(variant) ? variant : std::string_view();
}

}  // namespace hubcache::inline v0_1
