#pragma once
/// @file
/// Recipes carried out: format/recipe.hpp.

#include <hubcache/bundle.hpp>
#include <hubcache/format/recipe.hpp>
#include <hubcache/plan/options.hpp>
#include <hubcache/select/lock_file.hpp>
#include <hubcache/select/recipe.hpp>

#include <asio/awaitable.hpp>

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Reads the recipe in the file `path`. Blocking.
/// @throws error as parse_recipe(), naming the file, or a disk error
[[nodiscard]] HUBCACHE_DECL recipe read_recipe(const std::string& path);

/// Plans all files of a recipe, with the roles of select_role(). Roles of one commit are one part. Changes nothing on
/// disk.
/// @param options  of every repo; revision, allow, ignore, files, local_dir, mapping and lock must not be set
/// @param lock     if given, every repo must be locked in it, is taken at the locked commit, and has the locked bytes
/// @throws error errc::file_not_found naming the role; errc::lock_mismatch; errc::invalid_argument; what the Hub says,
///         naming the repo
/// Requests: as prepare(), for each repo and revision once.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<bundle_plan> prepare_recipe(services with, recipe what,
                                                                        snapshot_options options,
                                                                        std::optional<lock_file> lock);

/// One role and what an engine opens for it.
struct role_path {
  role_path() = default;
  /// Sets role and path.
  role_path(std::string r, std::string p) : role(std::move(r)), path(std::move(p)) {}

  std::string role;  ///< Of the recipe; a projector's is "<model>.mmproj".
  std::string
      path;  ///< Absolute: of the file, of the first part of a split model, or of the folder, without a '/'.

  friend bool operator==(const role_path&, const role_path&) = default;
};
static_assert(!std::is_aggregate_v<role_path>);

/// The roles of `what` in its order, a projector after its model. @pre `got` came of a plan for `what`
[[nodiscard]] HUBCACHE_DECL std::vector<role_path> paths_of(const recipe& what, const bundle& got);

/// What a lock file says of a bundle that ran: all its files.
/// @throws error errc::invalid_argument if it has a repo at two commits, a part without files, or is a preview in which
///         some sha256 is unknown
[[nodiscard]] HUBCACHE_DECL lock_file lock_of(const bundle& what);

/// The same of a bundle that is only planned: fetches into the cache, as run() does, the files whose sha256 the Hub does
/// not tell (small ones, stored in git itself), and no others.
/// @throws error as lock_of() and run()
/// Cancellation: terminal, as of run().
[[nodiscard]] HUBCACHE_DECL asio::awaitable<lock_file> lock_bundle(services with, bundle_plan what);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/recipe.ipp>
#endif
