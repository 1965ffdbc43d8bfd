#pragma once
/// @file
/// The environment as every Hub client reads it (facts: hub-protocol 5). The only place that calls getenv.

#include <hubcache/settings.hpp>

#include <functional>
#include <optional>
#include <string>

namespace hubcache::inline v0_1 {

/// Looks a variable up; unset and empty are both none.
using variable_lookup = std::function<std::optional<std::string>(const std::string&)>;

/// Reads the settings from the process's environment and the token file. Not to be called while another thread
/// changes the environment.
/// @throws error errc::invalid_argument naming the variable whose value makes no sense.
[[nodiscard]] HUBCACHE_DECL settings environment_settings();
/// The same from any source of variables.
[[nodiscard]] HUBCACHE_DECL settings environment_settings(const variable_lookup& variable);

/// Reads an endpoint as HF_ENDPOINT and --endpoint give it: http(s)://host[:port][/prefix].
/// @throws error errc::invalid_argument.
[[nodiscard]] HUBCACHE_DECL url parse_endpoint(const std::string& text);

/// Where hubcache keeps its own state for caches of this `hf_home`: below it, or below the user's cache folder
/// where `hf_home` lies on a network file system, whose locks and mappings do not hold across hosts.
[[nodiscard]] HUBCACHE_DECL std::string default_state_dir(const std::string& hf_home,
                                                          const std::string& user_cache_dir);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/environment.ipp>
#endif
