#pragma once
/// @file
/// Recipes: the files of several repos that an engine needs, by their roles. TOML (https://toml.io/en/v1.0.0):
///
///     name = "flux-dev"                                    # optional, for people
///
///     [roles.diffusion-model]
///     repo = "city96/FLUX.1-dev-gguf"                      # a model, or "datasets/...", "spaces/..."
///     quant = "Q4_K_S"                                     # a GGUF model by its tag ...
///
///     [roles.vae]
///     repo = "black-forest-labs/FLUX.1-dev"
///     file = "ae.safetensors"                              # ... or one file, or a folder by a final '/'
///     revision = "main"                                    # optional
///
/// Of TOML, the lines of this form (format/toml_lines.hpp): strings on one line, no dotted keys, no arrays.

#include <hubcache/repo.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What plays one role.
struct recipe_role {
  recipe_role() = default;

  std::string name;  ///< [A-Za-z0-9._-]+; in TOML with quotes if it has a '.'.
  hubcache::repo repo;            ///< Where its files are.
  std::string revision = "main";  ///< Branch, tag or commit.
  std::string file;  ///< Path in the repo, or a folder's with a final '/'; empty if `quant` is set.
  std::optional<std::string> quant;  ///< A GGUF tag; empty text: the default order.

  friend bool operator==(const recipe_role&, const recipe_role&) = default;
};
static_assert(!std::is_aggregate_v<recipe_role>);

/// What an engine needs: roles, and what plays them.
struct recipe {
  recipe() = default;

  std::string name;                ///< For people.
  std::vector<recipe_role> roles;  ///< In the order of the file; at least one, each name once.

  friend bool operator==(const recipe&, const recipe&) = default;
};
static_assert(!std::is_aggregate_v<recipe>);

/// Reads a recipe. Strict: the keys above and no others. Safe with any bytes, at most 1 MiB of them.
/// @throws error errc::invalid_argument that names line, key and what was expected
[[nodiscard]] HUBCACHE_DECL recipe parse_recipe(std::string_view text);

/// Checks what parse_recipe() checks, of a recipe that was made otherwise. O(n log n).
/// @throws error errc::invalid_argument that names role, key and what was expected
HUBCACHE_DECL void check_recipe(const recipe& what);

/// A lock file has each repo at one commit: checks that `what` has each at one revision.
/// @throws error errc::invalid_argument naming the repo and two roles
HUBCACHE_DECL void check_lockable(const recipe& what);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/format_recipe.ipp>
#endif
