#pragma once
/// @file
/// model_index.json of a diffusers pipeline, and modular_model_index.json of a modular one.
///
/// A component is a member whose value is a list, or a link to another repo; the others configure the pipeline:
///
///     "unet": ["diffusers", "UNet2DConditionModel"]                      files in the folder unet/
///     "image_encoder": [null, null]                                      none was given
///     "vae": "https://huggingface.co/acme/vae/tree/main/vae"             a link: a repo, a revision, a folder
///     "vae": ["diffusers", "AutoencoderKL", "hf://acme/vae@main/vae"]    the same, its class told
///     "vae": [null, null, {"pretrained_model_name_or_path": "acme/vae", "subfolder": "vae", "revision": null,
///             "variant": null, "type_hint": ["diffusers", "AutoencoderKL"]}]      of a modular pipeline

#include <hubcache/repo.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Where a component lies that is not a folder of the pipeline's own repo.
struct component_link {
  component_link() = default;

  std::string host;  ///< The host that a URL names, lower case, with its port unless it is the scheme's own;
                     ///< empty for hf:// and plain ids. Whether it is one of ours the caller decides: a link
                     ///< names a repo.
  hubcache::repo repo;    ///< A model.
  std::string revision;   ///< Empty if none is named.
  std::string subfolder;  ///< In the repo, by is_safe_path(); empty: its root.
  std::string variant;    ///< Empty if none is named.

  friend bool operator==(const component_link&, const component_link&) = default;
};
static_assert(!std::is_aggregate_v<component_link>);

/// One component of a pipeline.
struct model_component {
  model_component() = default;

  std::string name;        ///< Its member's name: one segment of a path, by is_safe_path().
  std::string library;     ///< "diffusers", "transformers", a module; empty if null or not told.
  std::string class_name;  ///< Empty if null or not told.
  std::optional<component_link> link;  ///< If it lies in another repo, or elsewhere in this one.
  std::string problem;  ///< Of what stands in the place of a link and is none; else empty.
  bool bare = false;  ///< The member's value is a link and nothing beside it.

  /// Whether none was given: `[null, null]` and no link.
  [[nodiscard]] bool absent() const noexcept { return library.empty() && class_name.empty() && !link && problem.empty(); }

  friend bool operator==(const model_component&, const model_component&) = default;
};
static_assert(!std::is_aggregate_v<model_component>);

/// What either file says.
struct model_index {
  model_index() = default;

  std::string class_name;                   ///< "_class_name"; empty if there is none.
  std::string custom_module;                ///< The module, if "_class_name" is a list: [module, class].
  std::vector<model_component> components;  ///< In the order of the file.
  std::vector<std::string> ignore_files;    ///< "_ignore_files".

  /// The component `name`, or nullptr. O(components).
  [[nodiscard]] HUBCACHE_DECL const model_component* find(std::string_view name) const noexcept;

  friend bool operator==(const model_index&, const model_index&) = default;
};
static_assert(!std::is_aggregate_v<model_index>);

/// Reads model_index.json or modular_model_index.json. Safe with any bytes. Every list is a component, as in diffusers,
/// and what of it is of another form is passed over, like the members that configure the pipeline; a text alone is one if
/// it is a link from end to end and the name does not begin with '_'. A modular spec without a repo has no link; one that
/// names a single file (a path or URL that ends in a suffix of weights) is refused: that is no folder.
/// @throws error errc::malformed_file that names the member: no JSON object; a component's name that is no safe segment
///         of a path; a member that comes twice; more than 256 components
[[nodiscard]] HUBCACHE_DECL model_index parse_model_index(std::string_view text);

/// Reads a link: https://HOST/OWNER/NAME[/tree/REVISION[/SUBFOLDER]] (or http://, as an endpoint may be), or
/// `hf://OWNER/NAME[@REVISION][/SUBFOLDER]`. None if `text` does not begin like one.
/// @throws error errc::malformed_file if it does, and is none
[[nodiscard]] HUBCACHE_DECL std::optional<component_link> parse_component_link(std::string_view text);

/// The repos that the YAML front matter of a README.md lists under `prior`: a block or flow
/// list, or one id. Other keys, and what is no front matter, are passed over. Safe with any bytes. O(readme).
/// @throws error errc::malformed_file if what stands under `prior` is neither, names no repo, or names more than 64
[[nodiscard]] HUBCACHE_DECL std::vector<repo> parse_priors(std::string_view readme);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/model_index.ipp>
#endif
