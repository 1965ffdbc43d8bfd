#include "support/hub/site.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

namespace embedded {
namespace {

/// An answer that ends the handling of a request.
struct refusal {
  response answer;
};

constexpr std::string_view plain = "text/plain; charset=utf-8";
constexpr std::string_view json = "application/json; charset=utf-8";

response json_answer(std::string text) {
  response answer;
  answer.text(std::move(text), std::string(json));
  return answer;
}

/// An error as the Hub words it: JSON under /api, plain text elsewhere; the same in X-Error-Message.
response error(int status, std::string_view code, const std::string& message, bool api) {
  response answer;
  answer.status = status;
  if (!code.empty()) answer.headers.add("X-Error-Code", std::string(code));
  answer.headers.add("X-Error-Message", message);
  if (status == 401) {
    answer.headers.add("WWW-Authenticate", R"(Bearer realm="Authentication required", charset="UTF-8")");
  }
  if (api) {
    answer.text("{\"error\":" + json_string(message) + "}", std::string(json));
  } else {
    answer.text(message, std::string(plain));
  }
  return answer;
}

response redirect(int status, const std::string& location) {
  response answer;
  answer.status = status;
  answer.headers.add("Location", location);
  answer.text(std::string(reason(status)) + ". Redirecting to " + location, std::string(plain));
  return answer;
}

std::string quoted_etag(std::string_view etag) { return '"' + std::string(etag) + '"'; }

bool matches_etag(const request& asked, std::string_view etag) {
  const std::string* known = asked.headers.find("If-None-Match");
  return known != nullptr && known->find(quoted_etag(etag)) != std::string::npos;
}

response not_modified(std::string_view etag) {
  response answer;
  answer.status = 304;
  answer.headers.add("ETag", quoted_etag(etag));
  return answer;
}

/// The whole content or the range asked for.
response file_answer(const request& asked, const file_content& content, const std::string& etag, bool gzip) {
  if (matches_etag(asked, etag)) return not_modified(etag);
  response answer;
  answer.headers.add("ETag", quoted_etag(etag));
  answer.headers.add("Accept-Ranges", "bytes");
  const std::string* range_field = asked.headers.find("Range");
  const std::string* condition = asked.headers.find("If-Range");
  byte_range range;
  if (range_field != nullptr && (condition == nullptr || *condition == quoted_etag(etag))) {
    range = parse_range(*range_field, content.size());
  }
  const std::string total = "/" + std::to_string(content.size());
  if (range.state == byte_range::kind::unsatisfiable) {
    answer.status = 416;
    answer.headers.add("Content-Range", "bytes *" + total);
    answer.text("Range Not Satisfiable", std::string(plain));
    return answer;
  }
  answer.is_file = true;
  answer.content = content;
  answer.length = content.size();
  if (range.state == byte_range::kind::valid) {
    answer.status = 206;
    answer.offset = range.first;
    answer.length = range.last - range.first + 1;
    answer.headers.add("Content-Range",
                       "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + total);
  } else if (gzip && asked.accepts_gzip()) {
    answer.content = file_content::of(gzip_stored(content.text()));
    answer.length = answer.content.size();
    answer.chunked = true;
    answer.headers.add("Content-Encoding", "gzip");
  }
  return answer;
}

std::string bearer(const request& asked) {
  const std::string* field = asked.headers.find("Authorization");
  if (field == nullptr) return {};
  return field->starts_with("Bearer ") ? field->substr(7) : *field;
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string joined(const std::vector<std::string_view>& parts, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to && i < parts.size(); ++i) {
    if (i != from) text += '/';
    text += percent_decoded(parts[i]);
  }
  return text;
}

/// Splits "revision/path" where the revision, percent-encoded or not, may hold '/' itself: the shortest
/// prefix that names a commit is the revision.
struct revision_and_path {
  const commit_model* at = nullptr;
  std::string revision;
  std::string path;
};
revision_and_path split_revision(const repo_model& repo, const std::vector<std::string_view>& parts,
                                 std::size_t from, bool api) {
  for (std::size_t end = from + 1; end <= parts.size(); ++end) {
    std::string revision = joined(parts, from, end);
    if (const commit_model* at = repo.find(revision)) {
      return {at, std::move(revision), joined(parts, end, parts.size())};
    }
  }
  const std::string message = api ? "Invalid rev id: " + joined(parts, from, from + 1) : "Revision not found";
  throw refusal{error(404, "RevisionNotFound", message, api)};
}

std::optional<repo_type> type_named(std::string_view name) {
  for (const repo_type type : {repo_type::model, repo_type::dataset, repo_type::space}) {
    if (plural(type) == name) return type;
  }
  return std::nullopt;
}

std::string_view singular(repo_type type) {
  std::string_view name = plural(type);
  name.remove_suffix(1);
  return name;
}

bool granted(const repo_model& repo, std::string_view token) {
  return repo.grants.find(token) != repo.grants.end();
}

bool masked_for(const repo_model& repo, std::string_view token) {
  return repo.gated != gate::none && !granted(repo, token);
}

/// Refuses the content of a gated repo to who was not let in; its card stays readable.
void check_gate(const repo_model& repo, std::string_view token, std::string_view path, bool api) {
  if (!masked_for(repo, token) || path == "README.md" || path == "LICENSE" || path == ".gitattributes")
    return;
  const std::string what = std::string(singular(repo.type)) + " " + repo.id;
  if (token.empty()) {
    throw refusal{error(401, "GatedRepo",
                        "Access to " + what +
                            " is restricted. You must have access to it and be authenticated to access it. "
                            "Please log in.",
                        api)};
  }
  throw refusal{error(403, "GatedRepo",
                      "Access to " + what + " is restricted and you are not in the authorized list.", api)};
}

std::string folder_json(const repo_model& repo, const std::string& path) {
  return R"({"type":"directory","oid":")" + sha1_hex("tree " + repo.id + " " + path) +
         R"(","size":0,"path":)" + json_string(path) + "}";
}

std::string timestamp(const commit_model& at) {
  // Any fixed instant does; it only has to be the same in every run and to look like the Hub's.
  const unsigned day = static_cast<unsigned>(at.id[0]) % 28U + 1U;
  char text[40];
  std::snprintf(text, sizeof text, "2024-02-%02uT10:57:45.000Z", day);
  return text;
}

/// What lies in `folder`, with folders as nullptr; recursively, or one level deep.
std::map<std::string, const repo_file*> tree_entries(const commit_model& at, std::string_view folder,
                                                     bool recursive) {
  const std::string prefix = folder.empty() ? std::string() : std::string(folder) + "/";
  std::map<std::string, const repo_file*> entries;
  for (const auto& [path, file] : at.files) {
    if (!path.starts_with(prefix)) continue;
    std::size_t slash = path.find('/', prefix.size());
    if (recursive || slash == std::string::npos) entries.emplace(path, &file);
    for (; slash != std::string::npos; slash = recursive ? path.find('/', slash + 1) : std::string::npos) {
      entries.emplace(path.substr(0, slash), nullptr);
    }
  }
  return entries;
}

/// `entries` in the order of listings.
std::vector<std::pair<std::string, const repo_file*>> listed(std::map<std::string, const repo_file*> entries,
                                                             const std::vector<std::string>& first) {
  std::vector<std::pair<std::string, const repo_file*>> result;
  for (const auto& path : first) {
    if (const auto found = entries.extract(path)) result.emplace_back(path, found.mapped());
  }
  result.insert(result.end(), entries.begin(), entries.end());
  return result;
}

std::size_t number_parameter(const request& asked, std::string_view name, std::size_t otherwise) {
  const std::string text = asked.parameter(name).value_or("");
  std::size_t value = 0;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{} ? value : otherwise;
}

std::string random_secret() {
  std::random_device source;
  return std::to_string(source()) + std::to_string(source());
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

/// A file that a resolve URL names.
struct site::place {
  const repo_model& repo;
  const commit_model& at;
  std::string path;
};

site::site(site_options options)
    : options_(std::move(options)), secret_(random_secret()), signed_url_life_(options_.signed_url_life) {}

void site::set_origins(std::string endpoint, std::string cdn) {
  endpoint_ = std::move(endpoint);
  cdn_ = std::move(cdn);
}

void site::put(repo_model repo) {
  auto shared = std::make_shared<const repo_model>(std::move(repo));
  const std::lock_guard lock(mutex_);
  repos_[{shared->type, shared->id}] = std::move(shared);
}

void site::remove(repo_type type, std::string_view id) {
  const std::lock_guard lock(mutex_);
  repos_.erase({type, std::string(id)});
}

repo_model site::get(repo_type type, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return *repos_.at({type, std::string(id)});
}

response site::endpoint_answer(const request& asked) {
  response answer;
  try {
    answer = route(asked);
  } catch (refusal& refused) {
    answer = std::move(refused.answer);
  }
  char request_id[64];
  std::snprintf(request_id, sizeof request_id, "Root=1-00000000-%024llx",
                static_cast<unsigned long long>(++answers_));
  answer.headers.add("X-Powered-By", "huggingface-moon");
  answer.headers.add("X-Request-Id", request_id);
  const bool api = asked.path.starts_with("/api/") && !asked.path.starts_with("/api/resolve-cache/");
  const std::string bucket = api ? "\"api\"" : "\"resolvers\"";
  const std::uint64_t quota = api ? 500 : 3000;
  answer.headers.add("RateLimit", bucket + ";r=" + std::to_string(quota - 1) + ";t=300");
  answer.headers.add("RateLimit-Policy",
                     "\"fixed window\";" + bucket + ";q=" + std::to_string(quota) + ";w=300");
  answer.headers.add(
      "Access-Control-Expose-Headers",
      "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
      "Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash");
  return answer;
}

response site::route(const request& asked) {
  const std::string token = bearer(asked);
  const bool api_path = asked.path.starts_with("/api/");
  if (!token.empty() && account(token).empty()) {
    return error(401, "", "Invalid credentials in Authorization header", api_path);
  }
  if (asked.path == "/api/whoami-v2") return whoami(token);
  if (asked.path.starts_with("/api/resolve-cache/")) return resolve_cache(asked, token);
  if (api_path) return api(asked, token);
  return resolve(asked, token);
}

std::string site::account(std::string_view token) const {
  if (const auto known = options_.tokens.find(token); known != options_.tokens.end()) return known->second;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, repo] : repos_) {
    if (granted(*repo, token)) return "member";
  }
  return {};
}

response site::whoami(std::string_view token) const {
  if (token.empty()) return error(401, "", "Invalid username or password.", true);
  const std::string name = json_string(account(token));
  return json_answer(
      R"({"type":"user","id":"621ffdc036468d709f17434d","name":)" + name + R"(,"fullname":)" + name +
      R"(,"orgs":[],"auth":{"type":"access_token","accessToken":{"displayName":"test","role":"read"}}})");
}

/// Finds a repo that `token` may see. Refuses as the Hub does: what a stranger may not see, does not exist.
site::repo_ptr site::open(repo_type type, std::string_view id, std::string_view token, const request& asked,
                          bool api) const {
  repo_ptr found;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = repos_.find({type, std::string(id)}); at != repos_.end()) found = at->second;
    for (auto at = repos_.begin(); !found && at != repos_.end(); ++at) {
      const repo_model& repo = *at->second;
      const bool alias =
          same_name(repo.id, id) || std::any_of(repo.aliases.begin(), repo.aliases.end(),
                                                [&](const auto& name) { return same_name(name, id); });
      if (repo.type == type && alias) found = at->second;
    }
  }
  if (!found || (found->is_private && !granted(*found, token))) {
    throw refusal{token.empty() ? error(401, "", "Invalid username or password.", api)
                                : error(404, "RepoNotFound", "Repository not found", api)};
  }
  if (found->id != id) {
    std::string target = asked.target;
    target.replace(target.find(id), id.size(), found->id);
    throw refusal{redirect(307, target)};
  }
  if (found->disabled) throw refusal{error(403, "", "Access to this resource is disabled.", api)};
  return found;
}

/// /api/{models|datasets|spaces}/{id}[/verb[/...]] where an id has one segment or two.
response site::api(const request& asked, std::string_view token) {
  const auto parts = split(std::string_view(asked.path).substr(5), '/');
  const auto type = type_named(parts[0]);
  if (!type || parts.size() < 2)
    return error(404, "", "Sorry, we can't find the page you are looking for.", true);
  static constexpr std::string_view verbs[] = {"revision", "tree", "paths-info", "refs", "auth-check"};
  const auto is_verb = [](std::string_view part) {
    return std::find(std::begin(verbs), std::end(verbs), part) != std::end(verbs);
  };
  const std::size_t verb_at = parts.size() > 2 && !is_verb(parts[2]) ? 3 : 2;
  const std::string id = joined(parts, 1, verb_at);
  const repo_ptr repo = open(*type, id, token, asked, true);
  const std::string_view verb = verb_at < parts.size() ? parts[verb_at] : std::string_view();
  if (verb == "refs") return refs(asked, *repo);
  if (verb == "auth-check") {
    check_gate(*repo, token, "", true);
    return json_answer("{}");
  }
  const bool masked = masked_for(*repo, token);
  const std::vector<std::string_view> main{"main"};
  const bool named = verb_at + 1 < parts.size();
  const revision_and_path where =
      named ? split_revision(*repo, parts, verb_at + 1, true) : split_revision(*repo, main, 0, true);
  response answer;
  if (verb.empty() || verb == "revision") {
    answer = info(asked, *repo, *where.at, masked);
  } else if (verb == "tree") {
    answer = tree(asked, *repo, *where.at, where.path, masked);
  } else if (verb == "paths-info" && asked.method == "POST") {
    answer = paths_info(asked, *repo, *where.at, masked);
  } else {
    return error(404, "", "Sorry, we can't find the page you are looking for.", true);
  }
  answer.headers.set("X-Repo-Commit", where.at->id);
  return answer;
}

response site::refs(const request& asked, const repo_model& repo) const {
  const auto list = [&](std::string_view prefix) {
    std::string text = "[";
    for (const auto& [ref, commit] : repo.refs) {
      if (!ref.starts_with(prefix)) continue;
      if (text.size() > 1) text += ',';
      text += "{\"name\":" + json_string(std::string_view(ref).substr(prefix.size())) +
              ",\"ref\":" + json_string(ref) + ",\"targetCommit\":\"" + commit + "\"}";
    }
    return text + "]";
  };
  std::string text = "{\"branches\":" + list("refs/heads/") + ",\"converts\":" + list("refs/convert/") +
                     ",\"tags\":" + list("refs/tags/");
  if (asked.flag("include_prs")) text += ",\"pullRequests\":" + list("refs/pr/");
  return json_answer(text + "}");
}

response site::info(const request& asked, const repo_model& repo, const commit_model& at, bool masked) const {
  const bool blobs = asked.flag("blobs");
  std::string siblings;
  for (const auto& [path, file] : at.files) {
    if (!siblings.empty()) siblings += ',';
    siblings += "{\"rfilename\":" + json_string(path);
    if (blobs) {
      siblings += ",\"blobId\":\"" + file.oid() + "\",\"size\":" + std::to_string(file.content.size());
      if (file.lfs) {
        siblings += ",\"lfs\":{\"sha256\":\"" + (masked ? std::string(64, '*') : file.content.sha256()) +
                    "\",\"size\":" + std::to_string(file.content.size()) +
                    ",\"pointerSize\":" + std::to_string(file.content.lfs_pointer().size()) + "}";
      }
    }
    siblings += '}';
  }
  const std::string id = json_string(repo.id);
  const std::string gated = repo.gated == gate::none        ? "false"
                            : repo.gated == gate::automatic ? "\"auto\""
                                                            : "\"manual\"";
  const std::string author = json_string(std::string_view(repo.id).substr(0, repo.id.find('/')));
  return json_answer(
      "{\"_id\":\"" + sha1_hex(repo.id).substr(0, 24) + "\",\"id\":" + id + ",\"modelId\":" + id +
      ",\"author\":" + author + ",\"sha\":\"" + at.id + "\",\"lastModified\":\"" + timestamp(at) +
      "\",\"createdAt\":\"2022-03-02T23:29:04.000Z\",\"private\":" + (repo.is_private ? "true" : "false") +
      ",\"gated\":" + gated +
      ",\"disabled\":false,\"downloads\":0,\"likes\":0,\"tags\":[],\"spaces\":[],\"usedStorage\":" +
      std::to_string(total_bytes(at.files)) + ",\"siblings\":[" + siblings + "]}");
}

std::string site::entry_json(const repo_model& repo, const commit_model& at, std::string_view path,
                             const repo_file& file, bool masked, bool expand) const {
  const std::string size = std::to_string(file.content.size());
  std::string text = R"({"type":"file","oid":")" + file.oid() + R"(","size":)" + size;
  if (file.lfs) {
    text += ",\"lfs\":{\"oid\":\"" + (masked ? std::string(64, '*') : file.content.sha256()) +
            "\",\"size\":" + size + ",\"pointerSize\":" + std::to_string(file.content.lfs_pointer().size()) +
            "}";
    if (options_.xet) {
      text += ",\"xetHash\":\"" + (masked ? std::string(64, '*') : file.content.xet_hash()) + "\"";
    }
  }
  text += ",\"path\":" + json_string(path);
  if (expand) {
    const commit_model& change = repo.last_change(at, path);
    text += ",\"lastCommit\":{\"id\":\"" + change.id + "\",\"title\":" + json_string(change.title) +
            ",\"date\":\"" + timestamp(change) + "\"}";
    if (!file.scan.empty()) text += ",\"securityFileStatus\":{\"status\":" + json_string(file.scan) + "}";
  }
  return text + "}";
}

/// One page; the cursor is the number of the first entry, in decimal.
response site::tree(const request& asked, const repo_model& repo, const commit_model& at,
                    std::string_view folder, bool masked) const {
  const bool recursive = asked.flag("recursive");
  const bool expand = asked.flag("expand");
  const auto entries = listed(tree_entries(at, folder, recursive), repo.listed_first);
  if (entries.empty() && !folder.empty()) {
    return error(404, "EntryNotFound", std::string(folder) + " does not exist on \"" + at.id + "\"", true);
  }
  const std::size_t page = expand ? options_.expanded_page_size : options_.page_size;
  const std::size_t limit = std::max<std::size_t>(1, std::min(page, number_parameter(asked, "limit", page)));
  const std::size_t first = std::min(number_parameter(asked, "cursor", 0), entries.size());
  const std::size_t last = std::min(first + limit, entries.size());
  std::string text = "[";
  auto entry = std::next(entries.begin(), static_cast<std::ptrdiff_t>(first));
  for (std::size_t i = first; i < last; ++i, ++entry) {
    if (i != first) text += ',';
    text += entry->second == nullptr ? folder_json(repo, entry->first)
                                     : entry_json(repo, at, entry->first, *entry->second, masked, expand);
  }
  response answer = json_answer(text + "]");
  if (last < entries.size()) {
    answer.headers.add(
        "Link", "<" + own_origin(asked) + asked.path + "?expand=" + (expand ? "true" : "false") +
                    "&recursive=" + (recursive ? "true" : "false") + "&limit=" + std::to_string(limit) +
                    "&cursor=" + std::to_string(last) + ">; rel=\"next\"");
  }
  return answer;
}

/// The Hub names itself as it was called, so that a client stays on its origin.
std::string site::own_origin(const request& asked) const {
  const std::string* host = asked.headers.find("Host");
  return host == nullptr ? endpoint_ : endpoint_.substr(0, endpoint_.find("://") + 3) + *host;
}

response site::paths_info(const request& asked, const repo_model& repo, const commit_model& at,
                          bool masked) const {
  std::vector<std::string> paths;
  bool expand = false;
  const std::string* type = asked.headers.find("Content-Type");
  if (type != nullptr && type->find("json") != std::string::npos) {
    simdjson::dom::parser parser;
    simdjson::dom::element body;
    if (parser.parse(asked.body).get(body) != simdjson::SUCCESS) return error(400, "", "Invalid JSON", true);
    simdjson::dom::array list;
    if (body["paths"].get(list) != simdjson::SUCCESS) return error(400, "", "paths: Required", true);
    for (const simdjson::dom::element item : list) {
      std::string_view path;
      if (item.get(path) == simdjson::SUCCESS) paths.emplace_back(path);
    }
    if (body["expand"].get(expand) != simdjson::SUCCESS) expand = false;
  } else {
    paths = form_values(asked.body, "paths");
    const auto wanted = form_values(asked.body, "expand");
    expand = !wanted.empty() && (wanted.front() == "true" || wanted.front() == "True");
  }
  std::string text;
  for (const std::string& path : paths) {
    const auto file = at.files.find(path);
    const auto inside = at.files.lower_bound(path + "/");
    std::string entry;
    if (file != at.files.end()) {
      entry = entry_json(repo, at, path, file->second, masked, expand);
    } else if (inside != at.files.end() && inside->first.starts_with(path + "/")) {
      entry = folder_json(repo, path);
    }
    if (!entry.empty()) text += (text.empty() ? "" : ",") + entry;
  }
  return json_answer("[" + text + "]");
}

/// /api/resolve-cache/{type}/{id}/{commit}/{path}: where regular files come from.
response site::resolve_cache(const request& asked, std::string_view token) {
  const auto parts =
      split(std::string_view(asked.path).substr(std::string_view("/api/resolve-cache/").size()), '/');
  const auto type = type_named(parts[0]);
  std::size_t commit_at = 2;
  while (commit_at < parts.size() && commit_at < 4 && !is_commit(parts[commit_at])) ++commit_at;
  if (!type || commit_at >= std::min<std::size_t>(parts.size(), 4)) {
    return error(400, "", "Invalid commit", false);
  }
  const repo_ptr repo = open(*type, joined(parts, 1, commit_at), token, asked, false);
  const revision_and_path where = split_revision(*repo, parts, commit_at, false);
  const auto file = where.at->files.find(where.path);
  check_gate(*repo, token, where.path, false);
  response answer = file == where.at->files.end()
                        ? error(404, "EntryNotFound", "Entry not found", false)
                        : file_answer(asked, file->second.content, file->second.oid(), options_.gzip);
  if (answer.is_file) answer.headers.set("Content-Type", std::string(plain));
  answer.headers.set("X-Repo-Commit", where.at->id);
  return answer;
}

/// [/datasets|/spaces]/{id}/{resolve|raw}/{revision}/{path}
response site::resolve(const request& asked, std::string_view token) {
  const auto parts = split(std::string_view(asked.path).substr(1), '/');
  const auto typed = type_named(parts[0]);
  const std::size_t id_at = typed ? 1 : 0;
  std::size_t verb_at = id_at + 1;
  const auto is_verb = [&](std::size_t i) {
    return i < parts.size() && (parts[i] == "resolve" || parts[i] == "raw");
  };
  if (!is_verb(verb_at)) ++verb_at;
  if (!is_verb(verb_at) || verb_at + 2 >= parts.size()) return error(404, "", "Not Found", false);
  const repo_ptr repo =
      open(typed.value_or(repo_type::model), joined(parts, id_at, verb_at), token, asked, false);
  const revision_and_path named = split_revision(*repo, parts, verb_at + 1, false);
  const place where{*repo, *named.at, named.path};
  response answer;
  try {
    check_gate(*repo, token, where.path, false);
    const auto found = where.at.files.find(where.path);
    if (found == where.at.files.end()) throw refusal{error(404, "EntryNotFound", "Entry not found", false)};
    const repo_file& file = found->second;
    if (parts[verb_at] == "raw") {
      answer = file_answer(asked, file.lfs ? file_content::of(file.content.lfs_pointer()) : file.content,
                           file.oid(), false);
    } else if (matches_etag(asked, file.etag())) {
      answer = not_modified(file.etag());
    } else if (file.lfs) {
      answer = lfs_redirect(asked, where, file);
    } else if (options_.direct_files) {
      answer = file_answer(asked, file.content, file.etag(), options_.gzip);
    } else {
      answer = redirect(307, "/api/resolve-cache/" + std::string(plural(repo->type)) + "/" + repo->id + "/" +
                                 where.at.id + "/" + percent_encoded(where.path, "/") + "?" +
                                 percent_encoded(asked.path) +
                                 "=&etag=" + percent_encoded(quoted_etag(file.etag())));
      answer.headers.add("X-Linked-ETag", quoted_etag(file.etag()));
      answer.headers.add("Accept-Ranges", "bytes");
    }
  } catch (refusal& refused) {
    answer = std::move(refused.answer);
  }
  answer.headers.set("X-Repo-Commit", where.at.id);
  return answer;
}

response site::lfs_redirect(const request& asked, const place& where, const repo_file& file) {
  const std::string name = where.path.substr(where.path.rfind('/') + 1);
  response answer = redirect(302, signed_url(file.content, name));
  answer.headers.add("Accept-Ranges", "bytes");
  answer.headers.add("X-Linked-Size", std::to_string(file.content.size()));
  answer.headers.add("X-Linked-ETag", quoted_etag(file.etag()));
  answer.headers.add("Cache-Control", "no-store");
  answer.headers.add("Vary", "Origin, Accept");
  if (options_.xet) {
    answer.headers.add("X-Xet-Hash", file.content.xet_hash());
    answer.headers.add("Link", "<" + own_origin(asked) + "/api/" + std::string(plural(where.repo.type)) +
                                   "/" + where.repo.id + "/xet-read-token/" + where.at.id +
                                   ">; rel=\"xet-auth\", <" + cdn_ + "/v1/reconstructions/" +
                                   file.content.xet_hash() + ">; rel=\"xet-reconstruction-info\"");
  }
  return answer;
}

/// Expires is in seconds, as CDNs have it; Policy carries the same instant in milliseconds, for short lives.
std::string site::signed_url(const file_content& content, std::string_view name) {
  const std::int64_t until = now_ms() + signed_url_life_.load().count();
  const std::string policy = std::to_string(until);
  const std::string path = "/cdn/" + content.xet_hash();
  {
    const std::lock_guard lock(mutex_);
    on_cdn_.emplace(content.xet_hash(), content);
  }
  const std::string disposition = "inline; filename*=UTF-8''" + percent_encoded(name) + ";";
  return cdn_ + path + "?response-content-disposition=" + percent_encoded(disposition) +
         "&Expires=" + std::to_string((until + 999) / 1000) + "&Policy=" + policy +
         "&Signature=" + signature(path + policy) + "&Key-Pair-Id=EMBEDDED";
}

response site::cdn_answer(const request& asked) {
  const std::string policy = asked.parameter("Policy").value_or("");
  const std::string given = asked.parameter("Signature").value_or("");
  std::int64_t until = 0;
  std::from_chars(policy.data(), policy.data() + policy.size(), until);
  if (given != signature(asked.path + policy) || now_ms() >= until) {
    response denied;
    denied.status = 403;
    denied.text(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code>"
        "<Message>Access denied</Message></Error>",
        "text/xml");
    return denied;
  }
  file_content content;
  {
    const std::lock_guard lock(mutex_);
    content = on_cdn_.at(asked.path.substr(std::string_view("/cdn/").size()));  // signed, so it is there
  }
  response answer = file_answer(asked, content, content.xet_hash(), false);
  if (answer.is_file) {
    answer.headers.set("Content-Type", "application/octet-stream");
    answer.headers.add("Content-Disposition",
                       asked.parameter("response-content-disposition").value_or("inline"));
  }
  return answer;
}

}  // namespace embedded
