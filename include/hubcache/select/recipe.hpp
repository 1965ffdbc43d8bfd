#pragma once
/// @file
/// Which files of a repo play a role of a recipe. Pure.

#include <hubcache/format/recipe.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/select/role.hpp>

#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What plays a role.
struct role_selection {
  role_selection() = default;

  std::vector<file_role> files;       ///< Sorted.
  std::vector<std::string> warnings;  ///< One sentence each: of parts that the repo lacks.

  friend bool operator==(const role_selection&, const role_selection&) = default;
};
static_assert(!std::is_aggregate_v<role_selection>);

/// The file of `role`, those of its folder, or those of its GGUF model, all under the role's name; a projector beside the
/// model under "<name>.mmproj". A preset.ini does not replace the model: a recipe names one itself. O(n log n).
/// @pre `role` passes check_recipe()
/// @throws error errc::file_not_found naming role and file, with up to five paths that could have been meant
[[nodiscard]] HUBCACHE_DECL role_selection select_role(const recipe_role& role, const listing& files);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_recipe.ipp>
#endif
