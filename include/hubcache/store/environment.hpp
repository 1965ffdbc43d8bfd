#pragma once
/// @file
/// The environment as every Hub client reads it. The only place that calls getenv.

#include <hubcache/settings.hpp>
#include <hubcache/store/variables.hpp>

#include <string>

namespace hubcache::inline v0_1 {

/// Reads the settings from the process's environment, the token file, stores.toml and the list of added folders,
/// and looks which stores of other tools exist. Not to be called while another thread changes the environment.
/// @throws error errc::invalid_argument naming the variable or the line whose value makes no sense, or a disk error.
[[nodiscard]] HUBCACHE_DECL settings environment_settings();
/// The same from any source of variables.
[[nodiscard]] HUBCACHE_DECL settings environment_settings(const variable_lookup& variable);

/// Makes `path` (absolute) the own cache of `of`. The one that it replaces stays a store, if it exists.
HUBCACHE_DECL void change_cache_dir(settings& of, std::string path);

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
