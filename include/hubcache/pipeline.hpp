#pragma once
/// @file
/// Whole diffusers pipelines: chosen from the listing, with components from other repos and connected pipelines, in one
/// plan.

#include <hubcache/bundle.hpp>
#include <hubcache/plan/options.hpp>
#include <hubcache/select/diffusers.hpp>
#include <hubcache/store/assembly.hpp>

#include <asio/awaitable.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// The files that name the components of a pipeline, and of a modular one.
inline constexpr std::string_view plain_index = "model_index.json";
inline constexpr std::string_view modular_index = "modular_model_index.json";

}  // namespace detail

/// What a caller asks of one pipeline. Not an aggregate on purpose (see snapshot_options).
class pipeline_options {
 public:
  pipeline_options() = default;

  diffusers_wish wish;  ///< Which of the pipeline's files.
  /// Of every repo that the pipeline takes files from; `revision` is of the pipeline's own. With a `local_dir` all files must be
  /// of its own repo: for others there is assemble(). allow, ignore, files, lock and mapping must not be set.
  snapshot_options snapshot;

  /// Sets wish.
  pipeline_options&& with_wish(diffusers_wish value) && {
    wish = std::move(value);
    return std::move(*this);
  }
  /// Sets snapshot.
  pipeline_options&& with_snapshot(snapshot_options value) && {
    snapshot = std::move(value);
    return std::move(*this);
  }

  friend bool operator==(const pipeline_options&, const pipeline_options&) = default;
};
static_assert(!std::is_aggregate_v<pipeline_options>);

/// One pipeline asked for.
struct pipeline_request {
  pipeline_request() = default;
  /// Sets repo and options.
  pipeline_request(hubcache::repo which, pipeline_options how)
      : repo(std::move(which)), options(std::move(how)) {}

  hubcache::repo repo;       ///< The pipeline's own.
  pipeline_options options;  ///< Of this pipeline alone.

  friend bool operator==(const pipeline_request&, const pipeline_request&) = default;
};
static_assert(!std::is_aggregate_v<pipeline_request>);

/// A component of a pipeline, resolved.
struct planned_component {
  planned_component() = default;

  model_component
      said;  ///< As the index says; library and class of a link are filled in from what it leads to.
  std::size_t part = 0;            ///< Of the bundle, which has its files.
  std::string folder;              ///< In that part's repo; empty: its root.
  std::vector<std::string> files;  ///< Paths in that repo, sorted.

  friend bool operator==(const planned_component&, const planned_component&) = default;
};
static_assert(!std::is_aggregate_v<planned_component>);

/// One pipeline of a plan.
struct planned_pipeline {
  planned_pipeline() = default;

  std::size_t part = 0;                       ///< Of the bundle: the pipeline's own repo.
  std::string index_file;                     ///< "model_index.json" or "modular_model_index.json".
  std::string index_text;                     ///< Its bytes.
  std::vector<planned_component> components;  ///< Those that have files, in the order of the index.
  std::vector<std::string> files;             ///< Its other files: paths in its own repo, sorted.
  std::vector<std::string> addresses;         ///< Members of the index that look like links and are none.
  std::vector<std::size_t>
      connected;  ///< Pipelines of this plan (pipeline_plan::pipelines) that it loads beside it.

  friend bool operator==(const planned_pipeline&, const planned_pipeline&) = default;
};
static_assert(!std::is_aggregate_v<planned_pipeline>);

/// What pipelines will cost. Inspected, printed, then run.
struct pipeline_plan {
  pipeline_plan() = default;

  bundle_plan bundle;                       ///< All contents to be moved, each once.
  std::vector<planned_pipeline> pipelines;  ///< Those asked for, in order; then connected ones.
  std::size_t asked = 0;                    ///< How many of them were asked for.

  friend bool operator==(const pipeline_plan&, const pipeline_plan&) = default;
};
static_assert(!std::is_aggregate_v<pipeline_plan>);

/// Where a component is now.
struct component_place {
  component_place() = default;

  std::string dir;                 ///< Absolute: the folder to load it from.
  std::vector<std::string> files;  ///< Absolute paths, sorted.

  friend bool operator==(const component_place&, const component_place&) = default;
};
static_assert(!std::is_aggregate_v<component_place>);

/// One pipeline on this machine.
struct pipeline {
  pipeline() = default;

  std::size_t part = 0;  ///< Of the bundle: the pipeline's own repo.
  std::string path;      ///< The folder of its own repo's snapshot.
  std::map<std::string, component_place> components;  ///< By name; those that have files.

  friend bool operator==(const pipeline&, const pipeline&) = default;
};
static_assert(!std::is_aggregate_v<pipeline>);

/// What a run of a pipeline_plan brought.
struct pipelines {
  pipelines() = default;

  hubcache::bundle bundle;    ///< What became of the files.
  std::vector<pipeline> all;  ///< As pipeline_plan::pipelines.

  friend bool operator==(const pipelines&, const pipelines&) = default;
};
static_assert(!std::is_aggregate_v<pipelines>);

/// Plans pipelines together. Changes nothing on disk. One request for the commit and one for the listing of each repo
/// that is not known here, one for each index file; a repo that many name is asked once.
///
/// model_index.json names the components; where there is none, modular_model_index.json does, and where the former
/// leaves components open ([null, null]), links of the latter fill them. Links are resolved through the configured endpoint; a
/// link to the pipeline's own repo that names no revision stays in the pipeline's commit. A component that a link leads
/// to takes the variant asked for where it is there, else plain files, as the components of one repo do.
/// @throws error errc::file_not_found, malformed_file, ... as select_diffusers(); errc::refused for a link to a host that
///         is not ours, for links to more than 64 repos, and for pipelines that connect in a circle or to very many; what the Hub says of a repo of a
///         link, naming pipeline and component; errc::not_cached if the cache has no files of a component and cannot
///         tell that the repo has none; errc::invalid_argument for a skipped component that no index of those asked
///         for names, and for a local folder that would have to hold several repos
[[nodiscard]] HUBCACHE_DECL asio::awaitable<pipeline_plan> prepare_pipelines(
    services with, std::vector<pipeline_request> asked);

/// Carries it out. @throws error
[[nodiscard]] HUBCACHE_DECL asio::awaitable<pipelines> run(services with, pipeline_plan what);

/// What a run would report.
[[nodiscard]] HUBCACHE_DECL pipelines preview(const pipeline_plan& what);

/// assemble() on the workers, with the cache's links, pinned in its ledger. @throws error; cancellation: terminal
[[nodiscard]] HUBCACHE_DECL asio::awaitable<assembly_report> assemble(services with, assembly what);

/// The directory that shows the pipeline `which` of `what.pipelines` (after `ran`) as one ordinary pipeline: see
/// store/assembly.hpp. Each component lies in the folder of its name, and model_index.json, which a modular pipeline gets beside its own,
/// names the classes; if that has to be changed for it, all else in it stays byte for byte. Pipelines that it connects to
/// (planned_pipeline::connected) are no part of the directory: a loader names them by their repos. Blocking if plain
/// names are asked for: indexes of shards are read. After a preview it tells which files there would be; the sha256 of
/// small ones and the texts of indexes of shards are not known then, and assemble() refuses it.
/// @param dir          absolute or relative to the working folder
/// @param plain_names  files of components lose their variant ("x.fp16.safetensors" -> "x.safetensors"), in the indexes of
///                     shards, too
/// @throws error errc::malformed_file if library and class of a linked component cannot be told, or an index of shards
///         names files that are not beside it, or a name cannot stand in the directory; errc::refused for two
///         files of one name
[[nodiscard]] HUBCACHE_DECL assembly assembly_of(const pipeline_plan& what, const pipelines& ran,
                                                 std::size_t which, std::string dir, bool plain_names);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/pipeline.ipp>
#include <hubcache/impl/pipeline_assembly.ipp>
#include <hubcache/impl/pipeline_components.ipp>
#include <hubcache/impl/pipeline_connected.ipp>
#include <hubcache/impl/pipeline_drafts.ipp>
#include <hubcache/impl/pipeline_links.ipp>
#include <hubcache/impl/pipeline_prepare.ipp>
#endif
