#pragma once
/// @file
/// What a selected file is for.

#include <compare>
#include <string>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// One selected file and its role: "pipeline" or "component:<name>" of a diffusers pipeline; "model", "split", "mmproj",
/// "draft" or "preset" of a GGUF model; the role that a recipe gives it.
struct file_role {
  file_role() = default;
  /// Sets path and role.
  file_role(std::string p, std::string r) : path(std::move(p)), role(std::move(r)) {}

  std::string path;  ///< In the repo.
  std::string role;  ///< As above.

  friend auto operator<=>(const file_role&, const file_role&) = default;
};
static_assert(!std::is_aggregate_v<file_role>);

}  // namespace hubcache::inline v0_1
