#pragma once
/// @file
/// Which files of a repo a diffusers pipeline needs. Pure. docs/selection.md tells the rules.
///
/// `diffusers` picks exactly what DiffusionPipeline.download picks, over-fetching included. `minimal` drops from that what loading never reads: weights of folders that
/// model_index.json does not name, components that are null or skipped, weights outside the components' own folders,
/// and of weights that are there whole and in shards those that the component's loader passes over.

#include <hubcache/format/model_index.hpp>
#include <hubcache/select/role.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// How much of what a pipeline's repo has.
enum class pipeline_selection : unsigned char { diffusers, minimal };

/// What a caller asks of one pipeline's files.
struct diffusers_wish {
  diffusers_wish() = default;

  pipeline_selection select = pipeline_selection::diffusers;  ///< How much is picked.
  std::string variant;                  ///< "fp16", by is_variant_text(); empty: none.
  std::optional<bool> use_safetensors;  ///< None: where every component has them, else .bin.
  std::optional<bool> use_onnx;         ///< None: as the pipeline's class decides.
  std::vector<std::string> skip;  ///< Components that the caller has himself; their weights decide nothing.

  /// @name Setters
  /// @{

  /// Sets the member of that name: for wishes that are made and passed on in one expression.
  diffusers_wish&& with_select(pipeline_selection value) && {
    select = value;
    return std::move(*this);
  }
  diffusers_wish&& with_variant(std::string value) && {
    variant = std::move(value);
    return std::move(*this);
  }
  diffusers_wish&& with_use_safetensors(bool value) && {
    use_safetensors = value;
    return std::move(*this);
  }
  diffusers_wish&& with_use_onnx(bool value) && {
    use_onnx = value;
    return std::move(*this);
  }
  diffusers_wish&& with_skip(std::vector<std::string> value) && {
    skip = std::move(value);
    return std::move(*this);
  }
  /// @}

  friend bool operator==(const diffusers_wish&, const diffusers_wish&) = default;
};
static_assert(!std::is_aggregate_v<diffusers_wish>);

/// What was picked.
struct diffusers_selection {
  diffusers_selection() = default;

  std::vector<file_role> files;       ///< Sorted by path. Role: "component:<name>" or "pipeline".
  std::vector<std::string> warnings;  ///< One sentence each.
  /// The pipeline loads others beside it: those that README.md (among `files` then, if the repo has it) lists.
  bool connects = false;

  friend bool operator==(const diffusers_selection&, const diffusers_selection&) = default;
};
static_assert(!std::is_aggregate_v<diffusers_selection>);

/// Picks from `listing`, the paths of all files of the repo, in any order. O(files * log(files)), and
/// where names have wildcards, each of these (32 at most) with each path.
/// A component that is a link counts as skipped: its files are in another repo. A component whose library diffusers does
/// not know is taken like others, with a warning; diffusers would fail.
/// @throws error errc::file_not_found: no model_index.json among the files; a variant that no file has (the detail names
///         those that are there); safetensors were demanded and a component has none (it is named);
///         errc::malformed_file: `index` has no class name, or more than 32 names with wildcards in it and in the
///         listing; errc::invalid_argument: the variant is none
[[nodiscard]] HUBCACHE_DECL diffusers_selection select_diffusers(std::span<const std::string> listing,
                                                                 const model_index& index,
                                                                 const diffusers_wish& wish);

/// Whether loading `component` reads configuration and no weights: a tokenizer, processor or scheduler, by its class, else by
/// its name.
[[nodiscard]] HUBCACHE_DECL bool has_no_weights(const model_component& component) noexcept;

/// The files of `component` that lies alone in `folder` of `listing` (empty: the root): what its class's from_pretrained
/// would read; its role is "component:<name>". For components that are links to other repos.
/// If weights lie directly in the folder: those of the variant, safetensors or else .bin, as `wish` has it, with their
/// index and what configures models, tokenizers, processors and schedulers. If not: all below the folder; of the root
/// only what configures. If it has_no_weights(): the same without the weights.
/// @throws error errc::file_not_found: there are weights, but none of the variant (those that are there are named) or the
///         format wished; neither weights nor configuration; errc::invalid_argument: the variant is none
[[nodiscard]] HUBCACHE_DECL diffusers_selection select_component(std::span<const std::string> listing,
                                                                 std::string_view folder,
                                                                 const model_component& component,
                                                                 const diffusers_wish& wish);

/// The variants ("fp16", "bf16", "non_ema") that weights in `listing` have, sorted.
[[nodiscard]] HUBCACHE_DECL std::vector<std::string> variants_in(std::span<const std::string> listing);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/select_component.ipp>
#include <hubcache/impl/select_diffusers.ipp>
#include <hubcache/impl/select_minimal.ipp>
#endif
