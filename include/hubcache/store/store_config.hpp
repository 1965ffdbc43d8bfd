#pragma once
/// @file
/// Stores as users name them: HUBCACHE_STORES, and the file stores.toml:
///
///     find = false                 # do not look where other tools keep their files (default: true)
///
///     [[store]]                    # best first
///     path = "/mnt/team/hub"       # absolute; "~" and "$NAME" are replaced
///     kind = "hub-cache"           # as parse_store_kind() reads it; left out: recognised by what lies there
///     in-place = true              # default: false
///     read-only = true             # default: false

#include <hubcache/store.hpp>
#include <hubcache/store/variables.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// A store as its user wrote it down. It need not exist: a mount may be absent.
struct store_entry {
  store_entry() = default;

  std::optional<store_kind> kind;  ///< Whose layout; none: by its looks.
  std::string path;  ///< Absolute.
  bool in_place = false;  ///< As store::in_place.
  bool read_only = false;  ///< As store::read_only.

  friend bool operator==(const store_entry&, const store_entry&) = default;
};
static_assert(!std::is_aggregate_v<store_entry>);

/// What stores.toml says.
struct store_config {
  store_config() = default;

  bool find = true;  ///< Whether the places of other tools are looked at, too.
  std::vector<store_entry> stores;  ///< In the order of the file.

  friend bool operator==(const store_config&, const store_config&) = default;
};
static_assert(!std::is_aggregate_v<store_config>);

/// Reads the text of a stores.toml; nothing on disk is looked at. `file` is its name for errors.
/// @throws error errc::invalid_argument naming file and line, and what was expected there.
[[nodiscard]] HUBCACHE_DECL store_config parse_store_config(std::string_view text, const std::string& file,
                                                            const variables& env);

/// Reads the file `path`; a missing one is an empty configuration.
/// @throws error as parse_store_config(), or a disk error.
[[nodiscard]] HUBCACHE_DECL store_config read_store_config(const std::string& path, const variables& env);

/// Reads HUBCACHE_STORES: PATH or KIND=PATH, separated by ':'; empty items do not count.
/// @throws error errc::invalid_argument naming the item.
[[nodiscard]] HUBCACHE_DECL std::vector<store_entry> parse_store_list(std::string_view text,
                                                                      const variables& env);

/// The store that `entry` names. Without a kind it is recognised by what lies there now, else a folder.
[[nodiscard]] HUBCACHE_DECL store to_store(const store_entry& entry);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/store_config.ipp>
#endif
