#pragma once
/// @file
/// The result of a download as text: JSON for programs, a summary or a preview for people.

#include <hubcache/error.hpp>
#include <hubcache/plan/snapshot.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace command {

/// One object on one line. `path` is what the caller asked for: the snapshot's folder, or one file in it.
/// `digest` is bare lower-case hex; `link`, `source` and `refused` are null for what was not linked.
[[nodiscard]] std::string json_of(const hubcache::snapshot& result, std::string_view path);

/// {"error": {code, message, repo, file, http_status, request_id}}, null where a field does not apply.
[[nodiscard]] std::string json_of(const hubcache::error& failure);

/// One line: what is there now, where it came from, and which kinds of link were made.
[[nodiscard]] std::string summary_of(const hubcache::snapshot& result);

/// Why better kinds of link were not made of files where it matters, once per reason: "copied, not reflinked: Operation
/// not supported (2 files, from /a)".
[[nodiscard]] std::vector<std::string> refusals_of(const hubcache::snapshot& result);

/// What a run would do: totals, and a table of the files.
[[nodiscard]] std::string preview_of(const hubcache::snapshot& result);

}  // namespace command
