#pragma once
/// @file
/// `hubcache index add` and `hubcache index remove`.

#include <hubcache/upkeep/index_folder.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "subcommand.hpp"

namespace command {

struct index_add_arguments : common_options {
  std::vector<std::string> folders;
  std::uint64_t min_size = 1;  ///< Bytes.
};

struct index_remove_arguments : common_options {
  std::vector<std::string> folders;
};

/// Declares both in the group `index`.
void declare_index_add(CLI::App& index, invocation& chosen);

/// What became of one folder.
struct added_folder {
  hubcache::store where;
  hubcache::folder_plan plan;
  hubcache::folder_report report;
  std::size_t claims = 0;         ///< Files of an immutable store that are known by their names.
  hubcache::file_count in_cache;  ///< Files whose content the cache has, too.

  [[nodiscard]] bool hashed() const noexcept {
    return mutability_of(where.kind) == hubcache::mutability::mutable_store;
  }
  [[nodiscard]] std::vector<hubcache::folder_problem> problems() const;
};

/// The lines for people.
[[nodiscard]] std::string text_of(const added_folder& added);
[[nodiscard]] std::string json_of(const added_folder& added);

}  // namespace command
