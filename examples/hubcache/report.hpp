#pragma once
/// @file
/// The result of a download as text: JSON for programs, a summary or a preview for people.

#include <hubcache/error.hpp>
#include <hubcache/plan/bundle.hpp>
#include <hubcache/plan/snapshot.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "json_object.hpp"

namespace command {

/// One object on one line. `path` is what the caller asked for: the snapshot's folder, or one file in it.
/// `digest` is bare lower-case hex; `link`, `source` and `refused` are null for what was not linked.
[[nodiscard]] std::string json_of(const hubcache::snapshot& result, std::string_view path);

/// The members of that object for a bundle, to add others to. Of one part they are those of a snapshot, each file with
/// its `role` and `sha256` (null if there is none, or it is not known yet); of several, or if `path` is empty (several things
/// were asked for, and it is null), `repos` holds such an object for each, and the sums stand beside it.
[[nodiscard]] json_object object_of(const hubcache::bundle& result, std::string_view path);

/// One object on one line. `path` is what the caller asked for.
[[nodiscard]] std::string json_of(const hubcache::bundle& result, std::string_view path);

/// {"error": {code, message, repo, file, http_status, request_id}}, null where a field does not apply.
[[nodiscard]] std::string json_of(const hubcache::error& failure);

/// What a table calls an action that has not happened yet: "present", "link" or "download".
[[nodiscard]] std::string_view verb(hubcache::file_action action);

/// One line: what is there now, where it came from, and which kinds of link were made.
[[nodiscard]] std::string summary_of(const hubcache::snapshot& result);
[[nodiscard]] std::string summary_of(const hubcache::bundle& result);

/// Why better kinds of link were not made of files where it matters, once per reason: "copied, not reflinked: Operation
/// not supported (2 files, from /a)".
[[nodiscard]] std::vector<std::string> refusals_of(const hubcache::snapshot& result);
[[nodiscard]] std::vector<std::string> refusals_of(const hubcache::bundle& result);

/// What a run would do, in a line for each kind of it; an empty line follows.
[[nodiscard]] std::string promises_of(const hubcache::bundle& result);

/// What a run would do: totals, and a table of the files.
[[nodiscard]] std::string preview_of(const hubcache::snapshot& result);
/// The same, with each file's role, and its repo if there are several.
[[nodiscard]] std::string preview_of(const hubcache::bundle& result);

}  // namespace command
