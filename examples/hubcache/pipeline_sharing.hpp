#pragma once
/// @file
/// What pipelines of one plan have in common, and what each costs beyond the others.

#include <hubcache/pipeline.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace command {

/// A component that several pipelines have: its largest file is the same in all of them.
struct shared_component {
  std::string name;
  std::vector<std::size_t> pipelines;  ///< Of the plan; at least two.
  std::uint64_t size = 0;              ///< Bytes of the files that are the same in all.
  std::vector<std::string> differing;  ///< Paths in the component's folder of those that are not.
};

/// In the order in which the pipelines name them.
[[nodiscard]] std::vector<shared_component> shared_components(const hubcache::pipeline_plan& plan);

/// The cost of each pipeline, its components from other repos included. A content that several need is fetched by the
/// first of them.
[[nodiscard]] std::vector<hubcache::part_cost> costs_of(const hubcache::pipeline_plan& plan);

/// "owner/name", with "@revision" unless it is main.
[[nodiscard]] std::string name_of(const hubcache::pipeline_plan& plan, std::size_t pipeline);

/// Both as tables for people. Empty if there is one pipeline only.
[[nodiscard]] std::string sharing_of(const hubcache::pipeline_plan& plan);

}  // namespace command
