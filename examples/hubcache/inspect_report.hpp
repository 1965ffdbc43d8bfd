#pragma once
/// @file
/// What was inspected as text: JSON for programs, tables for people.

#include <hubcache/plan/inspected.hpp>

#include <string>

namespace command {

/// One object on one line: docs/inspect.md has its members.
[[nodiscard]] std::string json_of(const hubcache::inspected_repo& repo);

/// Files, folders, types and what all of it would cost here. Of a single file with a header its metadata, too.
/// @param tensors  a table of them all
[[nodiscard]] std::string text_of(const hubcache::inspected_repo& repo, bool tensors);

/// One object on one line: docs/inspect.md has its members.
[[nodiscard]] std::string json_of(const hubcache::comparison& found, const hubcache::inspected_repo& a,
                                  const hubcache::inspected_repo& b);

/// What both have, and how much of each that is.
/// @param tensors  the names of all tensors that both have, not the first ones alone
[[nodiscard]] std::string text_of(const hubcache::comparison& found, const hubcache::inspected_repo& a,
                                  const hubcache::inspected_repo& b, bool tensors);

}  // namespace command
