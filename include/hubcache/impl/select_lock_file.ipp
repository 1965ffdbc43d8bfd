#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/select/lock_file.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <initializer_list>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL error lock_syntax(const std::string& where, const std::string& expected) {
  return {errc::invalid_argument, "the lock file: " + where + ": expected " + expected};
}

/// Throws unless `json` is an object of exactly the members `keys`.
HUBCACHE_DECL void require_members(const simdjson::dom::element& json, const std::string& where,
                                   std::initializer_list<std::string_view> keys) {
  if (json_is_object_of(json, keys)) return;
  std::string expected;
  for (const auto key : keys) expected.append(expected.empty() ? "" : ", ").append(key);
  throw lock_syntax(where, "an object of " + expected + ", each once");
}

HUBCACHE_DECL locked_file parse_locked_file(const simdjson::dom::element& json, const std::string& where) {
  require_members(json, where, {"path", "size", "sha256"});
  const auto path = json_member<std::string_view>(json, "path");
  const auto size = json_size(json, "size");
  const auto name = json_digest(json, "sha256", digest_algorithm::sha256);
  if (!path || !is_safe_path(*path)) throw lock_syntax(where, "a path inside the repo");
  if (!size) throw lock_syntax(where + " " + printable(*path), "a size from 0 to 2^53");
  if (!name) throw lock_syntax(where + " " + printable(*path), "a sha256 of 64 lower-case hex digits");
  return {std::string(*path), *size, *name};
}

/// Sorts the files. @throws error errc::invalid_argument if a path comes twice, or is a folder of another.
HUBCACHE_DECL void sort_locked(locked_repo& one) {
  std::vector<file_entry> paths(one.files.size());
  for (std::size_t i = 0; i < paths.size(); ++i) paths[i].path = one.files[i].path;
  if (const auto* twice = sort_listing(paths)) {
    throw lock_syntax(one.repo.display(), "each path once, and no path that is a folder of another, not " +
                                              printable(*twice) + " again");
  }
  std::sort(one.files.begin(), one.files.end(),
            [](const locked_file& a, const locked_file& b) { return a.path < b.path; });
}

HUBCACHE_DECL void sort_locked(lock_file& lock) {
  const auto key = [](const locked_repo& r) { return std::tuple(to_string(r.repo.type()), r.repo.id()); };
  std::sort(lock.repos.begin(), lock.repos.end(),
            [&](const locked_repo& a, const locked_repo& b) { return key(a) < key(b); });
  const auto twice =
      std::adjacent_find(lock.repos.begin(), lock.repos.end(),
                         [](const locked_repo& a, const locked_repo& b) { return a.repo == b.repo; });
  if (twice != lock.repos.end())
    throw lock_syntax("repos", "each repo once, not " + twice->repo.display() + " again");
  for (auto& one : lock.repos) sort_locked(one);
}

HUBCACHE_DECL locked_repo parse_locked_repo(const simdjson::dom::element& json, const std::string& where) {
  require_members(json, where, {"type", "id", "commit", "files"});
  const auto word = json_member<std::string_view>(json, "type");
  const auto type = word ? parse_repo_type(*word) : std::nullopt;
  if (!type || *word != to_string(*type)) throw lock_syntax(where, "a type: model, dataset or space");
  locked_repo result;
  try {
    result.repo = repo(std::string(json_member<std::string_view>(json, "id").value_or("")), *type);
  } catch (const error& e) {
    throw lock_syntax(where, "the id of a repo: " + e.detail());
  }
  const auto name = result.repo.display();
  const auto commit = json_member<std::string_view>(json, "commit");
  if (!commit || !is_commit(*commit)) throw lock_syntax(name, "a commit of 40 lower-case hex digits");
  result.commit = *commit;
  const auto files = json_member<simdjson::dom::array>(json, "files");
  if (!files || files->size() == 0) throw lock_syntax(name, "an array of at least one file");
  for (const auto file : *files) {
    result.files.push_back(
        parse_locked_file(file, name + ": file " + std::to_string(result.files.size() + 1)));
  }
  return result;
}

HUBCACHE_DECL error lock_mismatch(const locked_repo& lock, const std::string& file,
                                  const std::string& detail) {
  error_context context;
  context.repo = lock.repo.display();
  context.file = file;
  return {errc::lock_mismatch, detail, std::move(context)};
}

}  // namespace detail

HUBCACHE_DECL const locked_file* locked_repo::find(std::string_view path) const {
  const auto at = std::lower_bound(files.begin(), files.end(), path,
                                   [](const locked_file& f, std::string_view p) { return f.path < p; });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

HUBCACHE_DECL const locked_repo* lock_file::find(const repo& which) const {
  const auto at =
      std::find_if(repos.begin(), repos.end(), [&which](const locked_repo& r) { return r.repo == which; });
  return at != repos.end() ? &*at : nullptr;
}

HUBCACHE_DECL lock_file parse_lock_file(std::string_view text) {
  detail::json_document document;
  if (!document.read(text)) throw detail::lock_syntax("its text", "JSON");
  const auto& json = document.root();
  if (detail::json_member<std::string_view>(json, "format") != "hubcache-lock") {
    throw detail::lock_syntax("format", "\"hubcache-lock\"");
  }
  if (detail::json_member<std::uint64_t>(json, "version") != std::uint64_t{1}) {
    throw detail::lock_syntax("version", "1; a newer hubcache wrote it");
  }
  detail::require_members(json, "its text", {"format", "version", "repos"});
  const auto repos = detail::json_member<simdjson::dom::array>(json, "repos");
  if (!repos) throw detail::lock_syntax("repos", "an array");
  lock_file result;
  for (const auto one : *repos) {
    result.repos.push_back(detail::parse_locked_repo(one, "repo " + std::to_string(result.repos.size() + 1)));
  }
  detail::sort_locked(result);
  return result;
}

HUBCACHE_DECL std::string format_lock_file(lock_file lock) {
  detail::sort_locked(lock);
  std::string out = "{\n \"format\": \"hubcache-lock\",\n \"version\": 1,\n \"repos\": [";
  for (const auto& one : lock.repos) {
    out += &one == &lock.repos.front() ? "\n  {\n" : ",\n  {\n";
    out.append("   \"type\": \"").append(to_string(one.repo.type())).append("\",\n");
    out.append("   \"id\": \"").append(one.repo.id()).append("\",\n");
    out.append("   \"commit\": \"").append(one.commit).append("\",\n   \"files\": [");
    for (const auto& file : one.files) {
      out += &file == &one.files.front() ? "\n    {\"path\": " : ",\n    {\"path\": ";
      append_json_string(out, file.path, false);
      out.append(", \"size\": ").append(std::to_string(file.size));
      out.append(", \"sha256\": \"").append(file.sha256.hex()).append("\"}");
    }
    out += "\n   ]\n  }";
  }
  return out += lock.repos.empty() ? "]\n}\n" : "\n ]\n}\n";
}

HUBCACHE_DECL void require_as_locked(const locked_repo& lock, const listing& found) {
  if (found.commit != lock.commit) {
    throw detail::lock_mismatch(lock, {},
                                "the lock file has commit " + lock.commit + ", found is " + found.commit);
  }
  for (const auto& file : lock.files) {
    const auto* listed = found.find(file.path);
    if (listed == nullptr) throw detail::lock_mismatch(lock, file.path, "the commit's listing lacks it");
    if (listed->size != file.size) {
      throw detail::lock_mismatch(lock, file.path,
                                  "the lock file has " + std::to_string(file.size) + " bytes, the listing " +
                                      std::to_string(listed->size));
    }
    if (listed->sha256 && *listed->sha256 != file.sha256) {
      throw detail::lock_mismatch(
          lock, file.path,
          "the lock file has sha256 " + file.sha256.hex() + ", the listing " + listed->sha256->hex());
    }
  }
}

HUBCACHE_DECL void require_locked(const locked_repo& lock, std::span<const file_entry* const> files) {
  for (const auto* file : files) {
    if (lock.find(file->path) == nullptr) {
      throw detail::lock_mismatch(lock, file->path, "the lock file does not name it");
    }
  }
}

}  // namespace hubcache::inline v0_1
