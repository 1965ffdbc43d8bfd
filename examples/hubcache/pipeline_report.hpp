#pragma once
/// @file
/// Pipelines as text: JSON for programs, tables for people.

#include <hubcache/pipeline.hpp>

#include <optional>
#include <string>
#include <vector>

namespace command {

/// What was planned, and what came of it. In a dry run that is previews; `assembled` has no files then.
struct pipelines_outcome {
  hubcache::pipeline_plan plan;
  hubcache::pipelines done;
  std::optional<hubcache::assembly> shown;  ///< The directory that was asked for.
  hubcache::assembly_report assembled;
};

/// One object on one line: that of the bundle with "components" of the one pipeline that was asked for, "pipelines" if the
/// plan has several, "assembled" if a directory was asked for (docs/pipelines.md).
[[nodiscard]] std::string json_of(const pipelines_outcome& result);

/// What a run would do: totals, a table of each pipeline's components, what pipelines share, and the files of the
/// directory.
[[nodiscard]] std::string preview_of(const pipelines_outcome& result);

/// One line: how the files of the directory came there.
[[nodiscard]] std::string summary_of(const hubcache::assembly_report& done);

/// The folders to load from, in the order of the pipelines asked for.
[[nodiscard]] std::vector<std::string> paths_of(const pipelines_outcome& result);

}  // namespace command
