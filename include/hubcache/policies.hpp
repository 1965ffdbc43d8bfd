#pragma once
/// @file
/// How a cache comes by its policies: from its constructor's arguments, in any order, or by default.

#include <hubcache/index/content_index.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/transport/https.hpp>

#include <asio/any_io_executor.hpp>

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1::detail {

/// The transport's part of the settings.
[[nodiscard]] HUBCACHE_DECL transport_options transport_settings(const settings& config);

/// What basic_cache makes of a policy that it is not given.
template <class Policy>
Policy default_policy(const asio::any_io_executor& executor, const settings& config) {
  if constexpr (std::is_constructible_v<Policy, asio::any_io_executor, transport_options>) {
    return Policy(executor, transport_settings(config));
  } else if constexpr (std::is_constructible_v<Policy, asio::any_io_executor>) {
    return Policy(executor);
  } else if constexpr (content_index<Policy> && std::is_constructible_v<Policy, std::string>) {
    return Policy(config.state_dir + "/index");
  } else {
    static_assert(std::is_default_constructible_v<Policy>,
                  "basic_cache cannot make this policy by itself, give its constructor one: see "
                  "docs/extending/README.md");
    return Policy();
  }
}

/// Whether a constructor's argument is the policy, or a function that makes it.
template <class Given, class Policy>
concept gives = std::same_as<Given, Policy> ||
    requires(Given& make, const asio::any_io_executor& executor, const settings& config) {
  { make(executor, config) } -> std::same_as<Policy>;
};
template <class Given, class... Policies>
concept gives_one_of = (gives<Given, Policies> || ...);
template <class Policy, class... Given>
inline constexpr bool given_once = (0 + ... + (gives<Given, Policy> ? 1 : 0)) <= 1;

/// The policy that one of the arguments gives, which is moved from, else the default. It need not be movable itself:
/// what is made is made in its place.
template <class Policy>
Policy policy_from(const asio::any_io_executor& executor, const settings& config) {
  return default_policy<Policy>(executor, config);
}
template <class Policy, class First, class... Rest>
Policy policy_from(const asio::any_io_executor& executor, const settings& config, First& first,
                   Rest&... rest) {
  if constexpr (std::same_as<First, Policy>) {
    return std::move(first);
  } else if constexpr (gives<First, Policy>) {
    return first(executor, config);
  } else {
    return policy_from<Policy>(executor, config, rest...);
  }
}

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/policies.ipp>
#endif
