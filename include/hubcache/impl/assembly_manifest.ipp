#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/store/assembly.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// What the names of hubcache's own files in an assembled directory begin with, but for the manifest's.
inline constexpr std::string_view assembly_scratch = ".hubcache-assembly";

/// Whether no file of an assembled directory may have this path.
HUBCACHE_DECL bool is_assembly_name(std::string_view path) noexcept {
  const auto first = path.substr(0, path.find('/'));
  return first == assembly_manifest || first.starts_with(assembly_scratch);
}

HUBCACHE_DECL error assembly_syntax(const std::string& where, const std::string& expected) {
  return {errc::malformed_file, "the manifest: " + where + ": expected " + expected};
}

/// The members that only linked files have.
HUBCACHE_DECL void parse_manifest_source(const simdjson::dom::element& json, const std::string& where,
                                         manifest_file& into) {
  const auto id = json_member<std::string_view>(json, "repo");
  const auto word = json_member<std::string_view>(json, "repo_type");
  const auto type = word ? parse_repo_type(*word) : std::nullopt;
  if (!type || *word != to_string(*type))
    throw assembly_syntax(where, "a repo_type: model, dataset or space");
  try {
    into.repo = repo(std::string(id.value_or("")), *type);
  } catch (const error& e) {
    throw assembly_syntax(where, "the id of a repo: " + e.detail());
  }
  const auto commit = json_member<std::string_view>(json, "commit");
  if (!commit || !is_commit(*commit)) throw assembly_syntax(where, "a commit of 40 lower-case hex digits");
  const auto source = json_member<std::string_view>(json, "source");
  if (!source || !is_safe_path(*source)) throw assembly_syntax(where, "a source: a path inside the repo");
  into.commit = *commit;
  into.source = *source;
}

HUBCACHE_DECL manifest_file parse_manifest_file(const simdjson::dom::element& json,
                                                const std::string& where) {
  const bool linked =
      json_is_object_of(json, {"path", "repo", "repo_type", "commit", "source", "size", "sha256", "link"});
  if (!linked && !json_is_object_of(json, {"path", "size", "sha256", "link"})) {
    throw assembly_syntax(
        where,
        "an object of path, size, sha256, link, and all or none of repo, repo_type, commit, "
        "source, each once");
  }
  const auto path = json_member<std::string_view>(json, "path");
  const auto size = json_size(json, "size");
  const auto name = json_digest(json, "sha256", digest_algorithm::sha256);
  if (!path || !is_safe_path(*path) || is_assembly_name(*path)) {
    throw assembly_syntax(where, "a path inside the directory");
  }
  if (!size) throw assembly_syntax(where, "a size from 0 to 2^53");
  if (!name) throw assembly_syntax(where, "a sha256 of 64 lower-case hex digits");
  manifest_file result;
  result.path = *path;
  result.size = *size;
  result.sha256 = *name;
  if (linked) parse_manifest_source(json, where, result);
  if (!json_present(json, "link")) return result;
  const auto word = json_member<std::string_view>(json, "link");
  for (auto kind : {link_kind::reflink, link_kind::hard_link, link_kind::symlink, link_kind::copy}) {
    if (linked && word == to_string(kind)) result.link = kind;
  }
  if (!result.link)
    throw assembly_syntax(where, "a link: reflink, hardlink, symlink, copy or null, of a repo's file");
  return result;
}

/// @throws error errc::malformed_file if a path comes three times
HUBCACHE_DECL void check_manifest_paths(const std::vector<manifest_file>& files) {
  std::vector<std::string_view> paths;
  for (const auto& file : files) paths.push_back(file.path);
  std::sort(paths.begin(), paths.end());
  for (std::size_t i = 2; i < paths.size(); ++i) {
    if (paths[i - 2] == paths[i])
      throw assembly_syntax("files", "no path three times, as " + printable(paths[i]));
  }
}

}  // namespace detail

HUBCACHE_DECL std::vector<manifest_file> parse_assembly_manifest(std::string_view text) {
  detail::json_document document;
  if (!document.read(text)) throw detail::assembly_syntax("its text", "JSON");
  const auto& json = document.root();
  if (detail::json_member<std::string_view>(json, "format") != "hubcache-assembly") {
    throw detail::assembly_syntax("format", "\"hubcache-assembly\"");
  }
  if (detail::json_member<std::uint64_t>(json, "version") != std::uint64_t{1}) {
    throw detail::assembly_syntax("version", "1; a newer hubcache wrote it");
  }
  const auto files = detail::json_member<simdjson::dom::array>(json, "files");
  if (!files || !detail::json_is_object_of(json, {"format", "version", "files"})) {
    throw detail::assembly_syntax("its text", "an object of format, version, and the array files, each once");
  }
  std::vector<manifest_file> result;
  for (const auto one : *files) {
    result.push_back(detail::parse_manifest_file(one, "file " + std::to_string(result.size() + 1)));
  }
  detail::check_manifest_paths(result);
  return result;
}

HUBCACHE_DECL std::string format_assembly_manifest(const std::vector<manifest_file>& files) {
  std::string out = "{\n \"format\": \"hubcache-assembly\",\n \"version\": 1,\n \"files\": [";
  const auto member = [&out](std::string_view key, std::string_view value) {
    append_json_string(out.append("\"").append(key).append("\": "), value, false);
    out += ", ";
  };
  for (const auto& file : files) {
    out += &file == &files.front() ? "\n  {" : ",\n  {";
    member("path", file.path);
    if (file.repo) {
      member("repo", file.repo->id());
      member("repo_type", to_string(file.repo->type()));
      member("commit", file.commit);
      member("source", file.source);
    }
    out.append("\"size\": ").append(std::to_string(file.size)).append(", ");
    member("sha256", file.sha256.hex());
    out.append("\"link\": ");
    out += file.link ? "\"" + std::string(to_string(*file.link)) + "\"}" : "null}";
  }
  return out += files.empty() ? "]\n}\n" : "\n ]\n}\n";
}

}  // namespace hubcache::inline v0_1
