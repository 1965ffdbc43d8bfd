#pragma once
/// @file
/// Where other tools keep content on this machine, and whose layout a folder has.

#include <hubcache/store.hpp>
#include <hubcache/store/variables.hpp>

#include <optional>
#include <string>
#include <vector>

namespace hubcache::inline v0_1 {

/// The places where Hub caches, Ollama, llama.cpp and ComfyUI lie by their own rules, best first, whether they exist
/// or not. Pure.
[[nodiscard]] HUBCACHE_DECL std::vector<store> well_known_stores(const variables& env);

/// Those that exist. One stat each.
[[nodiscard]] HUBCACHE_DECL std::vector<store> find_stores(const variables& env);

/// Whose layout the folder `path` has; store_kind::folder if nobody's, none if it is no folder or cannot be read.
/// Looks at the names in it and at some below.
[[nodiscard]] HUBCACHE_DECL std::optional<store_kind> recognise_store(const std::string& path);

/// `all` without `own_cache`, and without later names of the same folder: symlinks are resolved to compare.
[[nodiscard]] HUBCACHE_DECL std::vector<store> distinct_stores(std::vector<store> all,
                                                               const std::string& own_cache);

/// The own cache first, then `others` without it.
[[nodiscard]] HUBCACHE_DECL std::vector<store> all_stores(const std::string& cache_dir,
                                                          const std::vector<store>& others);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/find_stores.ipp>
#endif
