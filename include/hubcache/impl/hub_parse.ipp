#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hub/json_text.hpp>
#include <hubcache/hub/parse.hpp>
#include <hubcache/text.hpp>

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>
#include <span>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// A parsed text. simdjson copies it into a padded buffer of its own and refuses malformed UTF-8 and more
/// than 1024 levels; what it returns points into the document.
class json_document {
 public:
  /// False if `text` is no JSON.
  [[nodiscard]] bool read(std::string_view text) {
    constexpr std::size_t limit = std::size_t{256} << 20U;  // the parser takes about ten times the text
    if (text.empty() || text.size() > limit) return false;
    return parser_.parse(text.data(), text.size()).get(root_) == simdjson::SUCCESS;
  }
  [[nodiscard]] const simdjson::dom::element& root() const noexcept { return root_; }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
};

/// The member `key` of the object `of`; none if it is missing or not a T.
template <class T>
std::optional<T> json_member(const simdjson::dom::element& of, std::string_view key) {
  T value;
  if (of[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

/// The member `key`; none if it is missing or null.
HUBCACHE_DECL std::optional<simdjson::dom::element> json_present(const simdjson::dom::element& of,
                                                                 std::string_view key) {
  auto value = json_member<simdjson::dom::element>(of, key);
  return value && !value->is_null() ? value : std::nullopt;
}

/// Whether `json` is an object of exactly the members `keys`.
HUBCACHE_DECL bool json_is_object_of(const simdjson::dom::element& json,
                                     std::initializer_list<std::string_view> keys) {
  simdjson::dom::object object;
  // As many as there are keys, and each of these: then none comes twice.
  return json.get(object) == simdjson::SUCCESS && object.size() == keys.size() &&
         std::all_of(keys.begin(), keys.end(),
                     [&](std::string_view key) { return object[key].error() == simdjson::SUCCESS; });
}

/// A size in bytes, of what JSON numbers carry exactly: up to 2^53.
HUBCACHE_DECL std::optional<std::uint64_t> json_size(const simdjson::dom::element& of, std::string_view key) {
  const auto size = json_member<std::uint64_t>(of, key);
  return size && *size <= std::uint64_t{1} << 53U ? size : std::nullopt;
}

/// A digest in hex, of that algorithm.
HUBCACHE_DECL std::optional<digest> json_digest(const simdjson::dom::element& of, std::string_view key,
                                                digest_algorithm algorithm) {
  const auto hex = json_member<std::string_view>(of, key);
  const auto value = hex ? digest::parse(*hex) : std::nullopt;
  return value && value->algorithm() == algorithm ? value : std::nullopt;
}

/// One file of a tree page. `path` was checked.
HUBCACHE_DECL file_entry tree_entry(const simdjson::dom::element& json, std::string_view path) {
  const auto wrong = [path](std::string_view what) {
    return error(errc::bad_response, std::string("the listing gives ").append(what),
                 error_context{}.with_file(std::string(path)));
  };
  file_entry entry;
  entry.path = path;
  const auto oid = json_digest(json, "oid", digest_algorithm::git_sha1);
  if (!oid) throw wrong("no git object id (40 hex digits) for a file");
  entry.blob_id = oid->hex();
  auto size = json_size(json, "size");
  if (const auto lfs = json_present(json, "lfs")) {
    if (!lfs->is_object()) throw wrong("LFS data of another form for a file");
    entry.lfs = true;
    entry.sha256 = json_digest(*lfs, "oid", digest_algorithm::sha256);
    entry.masked = !entry.sha256;
    if (json_present(*lfs, "size")) size = json_size(*lfs, "size");
  }
  if (!size) throw wrong("no size from 0 to 2^53 for a file");
  entry.size = *size;
  if (const auto xet = json_digest(json, "xetHash", digest_algorithm::sha256)) entry.xet_hash = xet->hex();
  return entry;
}

/// One file of trees/<commit>.json; none if any of it is malformed.
HUBCACHE_DECL std::optional<file_entry> tree_file_entry(std::string_view path,
                                                        const simdjson::dom::element& json) {
  file_entry entry;
  entry.path = path;
  const auto blob = json_digest(json, "blob_id", digest_algorithm::git_sha1);
  auto size = json_size(json, "size");
  if (json_present(json, "lfs_sha256")) {
    entry.lfs = true;
    entry.sha256 = json_digest(json, "lfs_sha256", digest_algorithm::sha256);
    if (!entry.sha256) return std::nullopt;
    if (json_present(json, "lfs_size")) size = json_size(json, "lfs_size");
  }
  if (json_present(json, "xet_hash")) {
    const auto xet = json_digest(json, "xet_hash", digest_algorithm::sha256);
    if (!xet) return std::nullopt;
    entry.xet_hash = xet->hex();
  }
  if (!is_safe_path(path) || !blob || !size) return std::nullopt;
  entry.blob_id = blob->hex();
  entry.size = *size;
  return entry;
}

/// Numbers `files` as they stand, then sorts them by path. Returns a path that comes twice or is a folder of another,
/// nullptr if there is none.
HUBCACHE_DECL const std::string* sort_listing(std::vector<file_entry>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) files[i].position = static_cast<std::uint32_t>(i);
  const auto by_path = [](const file_entry& a, const file_entry& b) { return a.path < b.path; };
  std::sort(files.begin(), files.end(), by_path);
  const auto twin = std::adjacent_find(
      files.begin(), files.end(), [](const file_entry& a, const file_entry& b) { return a.path == b.path; });
  if (twin != files.end()) return &twin->path;
  for (const auto& file : files) {
    const std::string_view path = file.path;
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
      const auto folder = path.substr(0, slash);
      const auto at = std::lower_bound(files.begin(), files.end(), folder,
                                       [](const file_entry& f, std::string_view p) { return f.path < p; });
      if (at->path == folder) return &at->path;
    }
  }
  return nullptr;
}

HUBCACHE_DECL void append_tree_file_entry(std::string& out, const file_entry& file) {
  out += "\n  ";
  append_json_string(out, file.path, true);
  out.append(": {\n   \"size\": ").append(std::to_string(file.size));
  out.append(",\n   \"blob_id\": \"").append(file.blob_id).append("\"");
  if (file.sha256) {
    out.append(",\n   \"lfs_sha256\": \"").append(file.sha256->hex()).append("\"");
    out.append(",\n   \"lfs_size\": ").append(std::to_string(file.size));
  }
  if (!file.xet_hash.empty()) out.append(",\n   \"xet_hash\": \"").append(file.xet_hash).append("\"");
  out += "\n  }";
}

/// The messages of a JSON error body, joined.
HUBCACHE_DECL std::string error_messages(const simdjson::dom::element& body) {
  std::string joined;
  const auto add = [&joined](const std::optional<std::string_view>& message) {
    if (message && !message->empty()) joined.append(joined.empty() ? "" : "; ").append(*message);
  };
  add(json_member<std::string_view>(body, "error"));
  if (const auto several = json_member<simdjson::dom::array>(body, "error")) {
    for (const auto each : *several) {
      if (std::string_view text; each.get(text) == simdjson::SUCCESS) add(text);
    }
  }
  add(json_member<std::string_view>(body, "error_description"));
  if (const auto several = json_member<simdjson::dom::array>(body, "errors")) {
    for (const auto each : *several) add(json_member<std::string_view>(each, "message"));
  }
  return joined;
}

}  // namespace detail

HUBCACHE_DECL repo_info parse_repo_info(std::string_view text) {
  detail::json_document document;
  if (!document.read(text)) throw error(errc::bad_response, "the repo's description is no JSON");
  const auto& json = document.root();
  const auto id = detail::json_member<std::string_view>(json, "id");
  const auto commit = detail::json_member<std::string_view>(json, "sha");
  if (!commit || !is_commit(*commit)) {
    throw error(errc::bad_response, "the repo's description has no commit (\"sha\" of 40 hex digits)");
  }
  repo_info info;
  try {
    info.id = repo(std::string(id.value_or(""))).id();
  } catch (const error& e) {
    throw error(errc::bad_response, "the repo's description has no valid id: " + e.detail());
  }
  info.commit = *commit;
  info.is_private = detail::json_member<bool>(json, "private").value_or(false);
  // false, "auto" or "manual"; whatever else a Hub may invent is taken for a gate.
  const auto gated = detail::json_present(json, "gated");
  info.gated = gated && detail::json_member<bool>(json, "gated").value_or(true);
  return info;
}

HUBCACHE_DECL void parse_tree_page(std::string_view text, std::vector<file_entry>& out) {
  detail::json_document document;
  simdjson::dom::array entries;
  if (!document.read(text) || document.root().get(entries) != simdjson::SUCCESS) {
    throw error(errc::bad_response, "the listing is no JSON array of files");
  }
  for (const auto entry : entries) {
    const auto type = detail::json_member<std::string_view>(entry, "type");
    const auto path = detail::json_member<std::string_view>(entry, "path");
    if (!type || !path) throw error(errc::bad_response, "the listing has an entry without type and path");
    if (*type != "file") continue;
    if (!is_safe_path(*path)) {
      throw error(errc::refused,
                  "the listing names a file '" + printable(*path) + "', which is no safe path");
    }
    out.push_back(detail::tree_entry(entry, *path));
  }
}

HUBCACHE_DECL void parse_scans(std::string_view text, scan_statuses& into) {
  detail::json_document document;
  simdjson::dom::array entries;
  if (!document.read(text) || document.root().get(entries) != simdjson::SUCCESS) {
    throw error(errc::bad_response, "what the Hub says of the files is no JSON array");
  }
  for (const auto entry : entries) {
    const auto path = detail::json_member<std::string_view>(entry, "path");
    if (!path) throw error(errc::bad_response, "what the Hub says of the files has an entry without path");
    const auto scan = detail::json_present(entry, "securityFileStatus");
    const auto status = scan ? detail::json_member<std::string_view>(*scan, "status") : std::nullopt;
    into.insert_or_assign(std::string(*path), std::string(status.value_or("")));
  }
}

HUBCACHE_DECL listing finish_listing(std::string commit, std::vector<file_entry> entries) {
  if (const auto* twice = detail::sort_listing(entries)) {
    throw error(errc::bad_response, "the listing names a path twice, or as file and folder",
                error_context{}.with_file(*twice));
  }
  listing result;
  result.commit = std::move(commit);
  result.files = std::move(entries);
  return result;
}

HUBCACHE_DECL std::optional<listing> parse_tree_file(std::string_view text, std::string commit) {
  detail::json_document document;
  if (!document.read(text)) return std::nullopt;
  const auto format = detail::json_member<std::uint64_t>(document.root(), "format_version");
  const auto files = detail::json_member<simdjson::dom::object>(document.root(), "files");
  if (format != std::uint64_t{1} || !files) return std::nullopt;
  listing result;
  result.commit = std::move(commit);
  for (const auto [path, json] : *files) {
    auto entry = detail::tree_file_entry(path, json);
    if (!entry) return std::nullopt;
    result.files.push_back(std::move(*entry));
  }
  if (detail::sort_listing(result.files) != nullptr) return std::nullopt;
  return result;
}

HUBCACHE_DECL std::string format_tree_file(const listing& of) {
  if (of.masked()) throw error(errc::invalid_argument, "a listing with masked hashes is not stored");
  std::string out = "{\n \"format_version\": 1,\n \"files\": {";
  bool first = true;
  for (const auto* file : of.as_reported()) {
    if (!std::exchange(first, false)) out += ',';
    detail::append_tree_file_entry(out, *file);
  }
  out += of.files.empty() ? "}\n}" : "\n }\n}";
  return out;
}

HUBCACHE_DECL std::string parse_error_body(std::string_view text) {
  constexpr std::size_t limit = 300;
  detail::json_document document;
  if (document.read(text)) {
    if (const auto messages = detail::error_messages(document.root()); !messages.empty()) {
      return printable(messages, limit);
    }
  }
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos || text[begin] == '<') return {};
  const auto end = text.find_last_not_of(" \t\r\n");
  return printable(text.substr(begin, end - begin + 1), limit);
}

HUBCACHE_DECL std::optional<std::vector<std::pair<std::string, std::string>>> parse_string_map(
    std::string_view text) {
  detail::json_document document;
  simdjson::dom::object object;
  if (!document.read(text) || document.root().get(object) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> result;
  std::vector<std::string_view> keys;
  for (const auto [key, json] : object) {
    std::string_view value;
    if (json.get(value) != simdjson::SUCCESS) return std::nullopt;
    result.emplace_back(key, value);
    keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) return std::nullopt;
  return result;
}

}  // namespace hubcache::inline v0_1
